/// Reads the numbers that are not unusual, fast; the rest is left to `DecimalNumber.init(_:)`,
/// which alone defines what a number is.
enum QuickNumber {
    /// Bytes that must be readable from a number's start. Longer numbers are unusual.
    static let reach = 64

    /// Reads a number at `start` and returns where it ends; nil when it is malformed or unusual.
    /// Whoever calls has to check that no further character of a number follows.
    ///
    /// Every load stays below `start + reach`: a load of eight bytes happens only below
    /// `start + reach − 16`, and behind it come at most the letter e, a sign and four digits.
    @inline(__always)
    static func read(
        _ start: UnsafeRawPointer
    ) -> (number: DecimalNumber, end: UnsafeRawPointer)? {
        let lastLoad = start + (reach - 16)
        var position = start
        var significand: UInt64 = 0
        let isNegative = byte(position) == UInt8(ascii: "-")
        if isNegative { position += 1 }

        let integerStart = position
        guard var digit = digit(position) else { return nil }
        let isBelowOne = digit == 0
        if isBelowOne {
            position += 1
        } else {
            repeat {
                significand = significand &* 10 &+ digit
                position += 1
                guard position < lastLoad else { return nil }
                guard let next = Self.digit(position) else { break }
                digit = next
            } while true
        }
        var digits = position - integerStart

        var fractionDigits = 0
        if byte(position) == UInt8(ascii: ".") {
            position += 1
            let fractionStart = position
            readDigits(&position, until: lastLoad, &significand)
            fractionDigits = position - fractionStart
            guard fractionDigits > 0 else { return nil }
            digits &+= fractionDigits
            // Zeros in front do not count. Where it matters, the fraction has eight digits.
            if digits > DecimalNumber.maximumDigits, isBelowOne {
                digits &-= 1 &+ EightDigits.leadingZeros(EightDigits.load(fractionStart))
            }
        }
        guard position < lastLoad else { return nil }

        var exponent = 0
        if byte(position) | 0x20 == UInt8(ascii: "e") {
            guard let end = readExponent(position + 1, &exponent) else { return nil }
            position = end
        }
        if digits > DecimalNumber.maximumDigits {
            return readLong(start, position).map { ($0, position) }
        }
        var number = DecimalNumber(
            significand: significand, exponent: exponent &- fractionDigits)
        number.isNegative = isNegative
        return (number, position)
    }

    @inline(__always)
    private static func byte(_ position: UnsafeRawPointer) -> UInt8 {
        position.load(as: UInt8.self)
    }

    @inline(__always)
    private static func digit(_ position: UnsafeRawPointer) -> UInt64? {
        let value = byte(position) &- 0x30
        return value < 10 ? UInt64(value) : nil
    }

    @inline(__always)
    private static func readDigits(
        _ position: inout UnsafeRawPointer, until end: UnsafeRawPointer,
        _ significand: inout UInt64
    ) {
        while position < end {
            let word = EightDigits.load(position)
            let others = EightDigits.others(word)
            guard others != 0 else {
                significand = significand &* 100_000_000 &+ EightDigits.value(word)
                position += 8
                continue
            }
            let count = others.trailingZeroBitCount &>> 3
            guard count > 0 else { return }
            significand = significand &* PowersOfTen.small[unchecked: count]
                &+ EightDigits.value(word, count: count)
            position += count
            return
        }
    }

    @inline(never)
    private static func readLong(
        _ start: UnsafeRawPointer, _ end: UnsafeRawPointer
    ) -> DecimalNumber? {
        do {
            return try DecimalNumber(UnsafeRawBufferPointer(start: start, count: end - start))
        } catch {
            // Nothing is lost: whoever reads the number carefully finds the fault again.
            return nil
        }
    }

    /// One to four digits; more are unusual.
    @inline(__always)
    private static func readExponent(
        _ start: UnsafeRawPointer, _ exponent: inout Int
    ) -> UnsafeRawPointer? {
        var position = start
        let isNegative = byte(position) == UInt8(ascii: "-")
        if isNegative || byte(position) == UInt8(ascii: "+") { position += 1 }
        let digitsStart = position
        var value: UInt64 = 0
        while position - digitsStart < 4, let digit = digit(position) {
            value = value &* 10 &+ digit
            position += 1
        }
        guard position > digitsStart else { return nil }
        exponent = isNegative ? -Int(value) : Int(value)
        return position
    }
}
