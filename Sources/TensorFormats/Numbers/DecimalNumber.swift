/// A decimal as it was read: ± `significand` · 10^`exponent`.
struct DecimalNumber {
    /// The first 19 significant digits, or all if there are fewer.
    var significand: UInt64
    var exponent: Int
    var isNegative = false
    /// Whether digits other than zero follow those of `significand`.
    var isTruncated = false
    /// Whether it was written without point and exponent.
    var isIntegerLiteral = false

    init(significand: UInt64, exponent: Int) {
        self.significand = significand
        self.exponent = exponent
    }

    static let maximumDigits = 19
}

extension DecimalNumber {
    /// Its value, when it was written as an integer that is not negative and fits.
    var count: Int? {
        guard isIntegerLiteral, exponent == 0, !isTruncated else { return nil }
        guard !isNegative || significand == 0 else { return nil }
        return Int(exactly: significand)
    }

    /// What is wrong with a number, and at which of its bytes.
    struct Fault: Error {
        let index: Int
        let kind: JSONFault.Kind
    }

    /// Reads `text`, which must be one number of RFC 8259 §6 and nothing else, byte by byte.
    init(_ text: UnsafeRawBufferPointer) throws(Fault) {
        var reader = DecimalReader(text)
        self = try reader.read()
    }
}

/// The grammar of numbers, `[-] int [. digits] [e [±] digits]`, without any haste.
private struct DecimalReader {
    private let text: UnsafeRawBufferPointer
    private var index = 0
    private var digitCount = 0
    private var number = DecimalNumber(significand: 0, exponent: 0)

    /// Beyond this an exponent's size no longer matters: no text is long enough to make up for
    /// it with digits.
    private static let largestExponent = 1 << 40

    init(_ text: UnsafeRawBufferPointer) {
        self.text = text
    }

    mutating func read() throws(DecimalNumber.Fault) -> DecimalNumber {
        number.isIntegerLiteral = true
        number.isNegative = skip("-")
        let first = index
        try readDigits(isFraction: false)
        if index > first + 1, text[first] == UInt8(ascii: "0") {
            throw DecimalNumber.Fault(index: first, kind: .leadingZero)
        }
        if skip(".") {
            number.isIntegerLiteral = false
            try readDigits(isFraction: true)
        }
        if skip("e") || skip("E") {
            number.isIntegerLiteral = false
            try readExponent()
        }
        guard index == text.count else {
            throw DecimalNumber.Fault(index: index, kind: .malformedNumber)
        }
        return number
    }

    private var digit: UInt64? {
        guard index < text.count, text[index] &- 0x30 < 10 else { return nil }
        return UInt64(text[index] &- 0x30)
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard index < text.count, text[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func readDigits(isFraction: Bool) throws(DecimalNumber.Fault) {
        guard digit != nil else {
            throw DecimalNumber.Fault(index: index, kind: .missingDigit)
        }
        while let digit {
            index += 1
            if digitCount == DecimalNumber.maximumDigits {
                if digit != 0 { number.isTruncated = true }
                if !isFraction { number.exponent += 1 }
                continue
            }
            if isFraction { number.exponent -= 1 }
            number.significand = number.significand * 10 + digit
            if number.significand != 0 { digitCount += 1 }
        }
    }

    private mutating func readExponent() throws(DecimalNumber.Fault) {
        let isNegative = skip("-")
        if !isNegative { _ = skip("+") }
        guard digit != nil else {
            throw DecimalNumber.Fault(index: index, kind: .missingDigit)
        }
        var exponent = 0
        while let digit {
            index += 1
            exponent = min(exponent * 10 + Int(digit), Self.largestExponent)
        }
        number.exponent += isNegative ? -exponent : exponent
    }
}
