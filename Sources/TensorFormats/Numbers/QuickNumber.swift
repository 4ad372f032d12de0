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
        _ start: UnsafeRawPointer, _ number: inout DecimalNumber
    ) -> UnsafeRawPointer? {
        let lastLoad = start + (reach - 16)
        var position = start
        var significand: UInt64 = 0
        let isNegative = byte(position) == UInt8(ascii: "-")
        if isNegative { position += 1 }

        let integerStart = position
        guard var digit = digit(position) else { return nil }
        if digit == 0 {
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
        let integerDigits = position - integerStart

        var fractionDigits = 0
        if byte(position) == UInt8(ascii: ".") {
            position += 1
            let fractionStart = position
            readDigits(&position, until: lastLoad, &significand)
            fractionDigits = position - fractionStart
            guard fractionDigits > 0 else { return nil }
        }
        guard position < lastLoad else { return nil }
        let digits = significantDigits(
            integerDigits &+ fractionDigits, from: integerStart, to: position)

        var exponent = 0
        if byte(position) | 0x20 == UInt8(ascii: "e") {
            guard let end = readExponent(position + 1, &exponent) else { return nil }
            position = end
        }
        if digits > DecimalNumber.maximumDigits {
            guard readLong(start, position, &number) else { return nil }
            return position
        }
        number.significand = significand
        number.exponent = exponent &- fractionDigits
        number.isNegative = isNegative
        number.isTruncated = false
        return position
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
            let count = EightDigits.count(word)
            guard count > 0 else { return }
            significand =
                significand &* PowersOfTen.small[count] &+ EightDigits.value(word, count: count)
            position += count
            guard count == 8 else { return }
        }
    }

    /// The number of digits without leading zeros, which is looked for only where it matters.
    @inline(__always)
    private static func significantDigits(
        _ digits: Int, from start: UnsafeRawPointer, to end: UnsafeRawPointer
    ) -> Int {
        guard digits > DecimalNumber.maximumDigits else { return digits }
        var position = start
        var count = digits
        while position < end, byte(position) < UInt8(ascii: "1") {
            if byte(position) == UInt8(ascii: "0") { count -= 1 }
            position += 1
        }
        return count
    }

    @inline(never)
    private static func readLong(
        _ start: UnsafeRawPointer, _ end: UnsafeRawPointer, _ number: inout DecimalNumber
    ) -> Bool {
        do {
            number = try DecimalNumber(
                UnsafeRawBufferPointer(start: start, count: end - start))
            return true
        } catch {
            // Nothing is lost: whoever reads the number carefully finds the fault again.
            return false
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
