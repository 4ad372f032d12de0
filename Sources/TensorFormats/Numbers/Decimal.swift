/// Decimals for people and for JSON: the shortest that read back to the same value.
///
/// They look as ECMAScript prints numbers (ECMA-262, Number::toString), without the plus sign:
/// `0.000001`, `1e-7`, `123456789`, `1.5e30`. Whole numbers below 10^21 have neither point nor
/// exponent. Negative zero is `-0`. The non-finite values are the words NaN, Infinity and
/// -Infinity, which are no JSON numbers.
package enum Decimal {
    package static func shortest(_ value: Double) -> String {
        text { write(value, to: $0) }
    }

    package static func shortest(_ value: Float) -> String {
        text { write(value, to: $0) }
    }

    /// No number needs more bytes; the writing may touch all of them.
    static let maximumBytes = 48

    private static func text(_ write: (UnsafeMutablePointer<UInt8>) -> Int) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: maximumBytes) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            let count = write(base)
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    /// Writes `value` to `place`, which has room for `maximumBytes`, and returns its length.
    @inline(__always)
    static func write(_ value: Double, to place: UnsafeMutablePointer<UInt8>) -> Int {
        guard value.isFinite else {
            return write(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity", to: place)
        }
        let sign = writeSign(value.sign, to: place)
        guard value != 0 else {
            place[sign] = UInt8(ascii: "0")
            return sign + 1
        }
        return sign + write(ShortestDecimal(value.magnitude), to: place + sign)
    }

    /// As above.
    @inline(__always)
    static func write(_ value: Float, to place: UnsafeMutablePointer<UInt8>) -> Int {
        guard value.isFinite else {
            return write(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity", to: place)
        }
        let sign = writeSign(value.sign, to: place)
        guard value != 0 else {
            place[sign] = UInt8(ascii: "0")
            return sign + 1
        }
        return sign + write(ShortestDecimal(value.magnitude), to: place + sign)
    }

    @inline(__always)
    private static func writeSign(
        _ sign: FloatingPointSign, to place: UnsafeMutablePointer<UInt8>
    ) -> Int {
        place[0] = UInt8(ascii: "-")
        return sign == .minus ? 1 : 0
    }

    @inline(never)
    private static func write(
        _ word: StaticString, to place: UnsafeMutablePointer<UInt8>
    ) -> Int {
        place.update(from: word.utf8Start, count: word.utf8CodeUnitCount)
        return word.utf8CodeUnitCount
    }

    @inline(__always)
    private static func write(
        _ decimal: ShortestDecimal, to place: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let count = DecimalDigits.count(decimal.digits)
        // The value is 0.DIGITS · 10^point.
        let point = count &+ decimal.exponent
        switch point {
        case 1...21 where decimal.exponent >= 0:
            DecimalDigits.write(decimal.digits, count: count, to: place)
            for index in count..<max(point, count) { place[index] = UInt8(ascii: "0") }
            return point
        case 1...21:
            // The digits go one place too far to the right; those before the point move back.
            DecimalDigits.write(decimal.digits, count: count, to: place + 1)
            for index in 0..<point { place[index] = place[index + 1] }
            place[point] = UInt8(ascii: ".")
            return count + 1
        case -5...0:
            place[0] = UInt8(ascii: "0")
            place[1] = UInt8(ascii: ".")
            for index in 0..<(-point) { place[2 + index] = UInt8(ascii: "0") }
            DecimalDigits.write(decimal.digits, count: count, to: place + 2 - point)
            return 2 - point + count
        default:
            return writeWithExponent(decimal, count, point - 1, to: place)
        }
    }

    private static func writeWithExponent(
        _ decimal: ShortestDecimal, _ count: Int, _ exponent: Int,
        to place: UnsafeMutablePointer<UInt8>
    ) -> Int {
        DecimalDigits.write(decimal.digits, count: count, to: place + 1)
        place[0] = place[1]
        place[1] = UInt8(ascii: ".")
        var length = count == 1 ? 1 : count + 1
        place[length] = UInt8(ascii: "e")
        length += 1
        if exponent < 0 {
            place[length] = UInt8(ascii: "-")
            length += 1
        }
        let magnitude = UInt64(exponent.magnitude)
        let digits = DecimalDigits.count(magnitude)
        DecimalDigits.write(magnitude, count: digits, to: place + length)
        return length + digits
    }
}
