/// The digits of a shortest decimal as ASCII characters, ready to be stored in whole words.
struct DecimalDigits {
    /// Characters that `store(_:)` writes: the digits, and zeros behind them.
    static let capacity = 17

    private let first: UInt8
    private let middle: UInt64
    private let last: UInt64
    /// Significant digits: 1…17.
    let count: Int
    /// The value is 0.DIGITS · 10^`point`.
    let point: Int

    /// `value` must be finite and positive.
    @inline(__always)
    init(_ value: Double, _ powers: PowersOfTen) {
        let decimal = ShortestDecimal(value, powers)
        let length = Self.length(decimal.digits)
        // 17 digits: one, eight and eight.
        let scaled = decimal.digits &* PowersOfTen.small[unchecked: 17 &- length]
        let upper = scaled / 100_000_000
        let leading = upper / 100_000_000
        first = UInt8(truncatingIfNeeded: leading) &+ UInt8(ascii: "0")
        middle = EightDigits.ascii(upper &- leading &* 100_000_000)
        last = EightDigits.ascii(scaled &- upper &* 100_000_000)
        count =
            last == EightDigits.zeros
            ? 9 &- EightDigits.trailingZeros(middle) : 17 &- EightDigits.trailingZeros(last)
        point = length &+ decimal.exponent
    }

    /// `value` must be finite and positive.
    @inline(__always)
    init(_ value: Float, _ powers: PowersOfTen) {
        let decimal = ShortestDecimal(value, powers)
        let length = Self.length(decimal.digits)
        // 9 digits: one and eight.
        let scaled = decimal.digits &* PowersOfTen.small[unchecked: 9 &- length]
        let leading = scaled / 100_000_000
        first = UInt8(truncatingIfNeeded: leading) &+ UInt8(ascii: "0")
        middle = EightDigits.ascii(scaled &- leading &* 100_000_000)
        last = EightDigits.zeros
        count = 9 &- EightDigits.trailingZeros(middle)
        point = length &+ decimal.exponent
    }

    /// Writes `capacity` characters.
    @inline(__always)
    func store(_ place: UnsafeMutablePointer<UInt8>) {
        place[0] = first
        EightDigits.store(middle, place + 1)
        EightDigits.store(last, place + 9)
    }

    /// How many digits `value` has; it is not zero.
    @inline(__always)
    private static func length(_ value: UInt64) -> Int {
        // log10(2) ≈ 1233/4096 gives the number of digits or one less.
        let bits = 64 &- value.leadingZeroBitCount
        let estimate = (bits &* 1233) >> 12
        return estimate &+ (value >= PowersOfTen.small[unchecked: estimate] ? 1 : 0)
    }
}
