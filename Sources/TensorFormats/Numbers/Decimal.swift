/// Decimals for people and for JSON: the shortest that read back to the same value.
///
/// They look as ECMAScript prints numbers (ECMA-262, Number::toString), without the plus sign:
/// `0.000001`, `1e-7`, `123456789`, `1.5e30`. Whole numbers below 10^21 have neither point nor
/// exponent. Negative zero is `-0`. The non-finite values are the words NaN, Infinity and
/// -Infinity, which are no JSON numbers.
package enum Decimal {
    package static func shortest(_ value: Double) -> String {
        text { write(value, to: $0, PowersOfTen.shared) }
    }

    package static func shortest(_ value: Float) -> String {
        text { write(value, to: $0, PowersOfTen.shared) }
    }

    /// Appends `shortest(value)`.
    package static func append(_ value: Double, to bytes: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: maximumBytes) { buffer in
            guard let base = buffer.baseAddress else { return }
            let count = write(value, to: base, PowersOfTen.shared)
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: buffer[..<count]))
        }
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
    static func write(
        _ value: Double, to place: UnsafeMutablePointer<UInt8>, _ powers: PowersOfTen
    ) -> Int {
        guard value.isFinite else {
            return write(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity", to: place)
        }
        let sign = writeSign(value.sign, to: place)
        guard value != 0 else {
            return writeZero(value.sign, to: place)
        }
        return sign + write(DecimalDigits(value.magnitude, powers), to: place + sign)
    }

    /// As above.
    @inline(__always)
    static func write(
        _ value: Float, to place: UnsafeMutablePointer<UInt8>, _ powers: PowersOfTen
    ) -> Int {
        guard value.isFinite else {
            return write(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity", to: place)
        }
        let sign = writeSign(value.sign, to: place)
        guard value != 0 else {
            return writeZero(value.sign, to: place)
        }
        return sign + write(DecimalDigits(value.magnitude, powers), to: place + sign)
    }

    /// A negative zero keeps its point: many readers take "-0" for the integer, which has no sign.
    private static func writeZero(
        _ sign: FloatingPointSign, to place: UnsafeMutablePointer<UInt8>
    ) -> Int {
        write(sign == .minus ? "-0.0" : "0", to: place)
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

    /// Whole words are stored where fewer bytes would do; what lies behind the end is not part
    /// of the number.
    @inline(__always)
    private static func write(
        _ digits: DecimalDigits, to place: UnsafeMutablePointer<UInt8>
    ) -> Int {
        // The value is 0.DIGITS · 10^point.
        let point = digits.point
        switch point {
        case -5...0:
            EightDigits.store(EightDigits.zeros, place)
            place[1] = UInt8(ascii: ".")
            digits.store(place + (2 &- point))
            return 2 &- point &+ digits.count
        case 1..<max(digits.count, 1):
            digits.store(place)
            openGap(place + point)
            return digits.count &+ 1
        case 1...21:
            digits.store(place)
            EightDigits.store(EightDigits.zeros, place + DecimalDigits.capacity)
            return point
        default:
            return writeWithExponent(digits, to: place)
        }
    }

    /// Moves the 16 bytes at `place`, which are as many as can follow a point, one further and
    /// puts the point in front.
    @inline(__always)
    private static func openGap(_ place: UnsafeMutablePointer<UInt8>) {
        let first = EightDigits.load(place)
        let second = EightDigits.load(place + 8)
        EightDigits.store(first, place + 1)
        EightDigits.store(second, place + 9)
        place[0] = UInt8(ascii: ".")
    }

    private static func writeWithExponent(
        _ digits: DecimalDigits, to place: UnsafeMutablePointer<UInt8>
    ) -> Int {
        digits.store(place)
        openGap(place + 1)
        var length = digits.count == 1 ? 1 : digits.count + 1
        let exponent = digits.point - 1
        place[length] = UInt8(ascii: "e")
        length += 1
        if exponent < 0 {
            place[length] = UInt8(ascii: "-")
            length += 1
        }
        // At most 324.
        let text = EightDigits.ascii(UInt64(exponent.magnitude))
        let zeros = min(EightDigits.leadingZeros(text), 7)
        EightDigits.store(text >> UInt64(8 * zeros), place + length)
        return length + 8 - zeros
    }
}
