/// Correctly rounded decimal → binary conversion.
///
/// After Clinger (1990) for short decimals and Lemire ("Number parsing at a gigabyte per second",
/// 2021) for the rest: the significand is multiplied by a 128-bit power of ten. Here the product
/// is kept as an interval that surely holds the true value. When both of its ends round to the
/// same result, so does the value; otherwise (exact ties, and about one in 2^60 decimals) the
/// standard library's conversion of the text decides.
extension DecimalNumber {
    /// The nearest Double. `text` is the decimal's spelling, asked for in rare cases.
    @inline(__always)
    func double(_ powers: PowersOfTen, _ text: () -> String) -> Double {
        if significand <= 1 << 53, !isTruncated, exponent.magnitude <= 22 {
            // Both operands are exact, so that one rounding happens (Clinger).
            let scaled =
                exponent < 0
                ? Double(significand) / powers.doubles[-exponent]
                : Double(significand) * powers.doubles[exponent]
            return isNegative ? -scaled : scaled
        }
        if let bits = quickDoubleBits(powers) ?? roundedBits(.double, powers.significands) {
            let value = Double(bitPattern: bits)
            return isNegative ? -value : value
        }
        return Self.spelled(text())
    }

    /// The common case of `roundedBits`: in the middle of the range, the highest 64 bits of the
    /// product decide. The true product exceeds them by less than 2, or by less than 17 when
    /// digits were left out; so the rounding is right unless the dropped bits lie that close to
    /// one half.
    @inline(__always)
    private func quickDoubleBits(_ powers: PowersOfTen) -> UInt64? {
        guard significand != 0, exponent.magnitude <= 288 else { return nil }
        let shift = significand.leadingZeroBitCount
        let top = UInt64(
            truncatingIfNeeded: product(shift, powers.significands[exponent]).upper >> 64)
        let carry = top >> 63
        let dropped = 10 &+ carry
        let half: Int64 = 1 &<< Int64(truncatingIfNeeded: dropped &- 1)
        let rest = Int64(truncatingIfNeeded: top) & (2 &* half &- 1)
        guard (rest &- half).magnitude > (isTruncated ? 20 : 2) else { return nil }
        let rounded = (top &>> dropped) &+ (rest > half ? 1 : 0)
        let exponentOfTop =
            PowersOfTen.floorLog2(exponent) &+ 63 &- shift &+ Int(truncatingIfNeeded: carry)
        // The highest bit of `rounded` adds one to the exponent field.
        return UInt64(truncatingIfNeeded: exponentOfTop &+ 1022) &<< 52 &+ rounded
    }

    /// The nearest Float. `text` is the decimal's spelling, asked for in rare cases.
    @inline(__always)
    func float(_ powers: PowersOfTen, _ text: () -> String) -> Float {
        quickFloat(powers) ?? carefulFloat(powers, text)
    }

    /// Scales in Double and narrows. Converting the significand, the power of ten and the
    /// product are each off by at most 2^-53 of the value, and digits beyond the 19th by
    /// less than 2^-59: together less than 4 units in the last place of the Double. So the
    /// narrowing is right unless the 29 bits it drops lie that close to one half.
    @inline(__always)
    private func quickFloat(_ powers: PowersOfTen) -> Float? {
        guard exponent.magnitude <= 64 else { return nil }
        let scaled = Double(significand) * powers.doubles[exponent]
        let dropped = Int64(truncatingIfNeeded: scaled.bitPattern & 0x1FFF_FFFF)
        // Below 2^-126 narrowing drops more bits than these.
        guard (dropped &- 0x1000_0000).magnitude > 4, scaled >= 0x1p-126 else { return nil }
        return isNegative ? -Float(scaled) : Float(scaled)
    }

    @inline(never)
    private func carefulFloat(_ powers: PowersOfTen, _ text: () -> String) -> Float {
        guard let bits = roundedBits(.float, powers.significands) else {
            return Self.spelledFloat(text())
        }
        let value = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
        return isNegative ? -value : value
    }

    /// JSON's grammar of numbers is a part of the one that Swift reads, so that these always
    /// have a value; NaN, were it ever to come, is refused by everyone who takes numbers.
    @inline(never)
    static func spelled(_ text: String) -> Double {
        Double(text) ?? .nan
    }

    @inline(never)
    private static func spelledFloat(_ text: String) -> Float {
        Float(text) ?? .nan
    }
}

/// What distinguishes Float and Double here.
struct BinaryFormat {
    let fractionBits: Int
    /// Exponent of the smallest normal value: 2^minimumExponent.
    let minimumExponent: Int
    /// The exponent field of infinity.
    let infiniteField: Int

    static let float = BinaryFormat(
        fractionBits: 23, minimumExponent: -126, infiniteField: 0xFF)
    static let double = BinaryFormat(
        fractionBits: 52, minimumExponent: -1022, infiniteField: 0x7FF)
}

extension DecimalNumber {
    /// The bits of the nearest value of `format`, without sign; nil when undecided.
    @inline(__always)
    func roundedBits(
        _ format: BinaryFormat, _ significands: UnsafePointer<UInt128>
    ) -> UInt64? {
        let infinity = UInt64(format.infiniteField) << format.fractionBits
        // Significands have at most 19 digits: 10^19 · 10^-343 is less than half of 2^-1074.
        guard significand != 0, exponent >= PowersOfTen.range.lowerBound else { return 0 }
        guard exponent <= 308 else { return infinity }

        let shift = significand.leadingZeroBitCount
        let power = significands[exponent]
        let (low, high, sticky) = interval(shift, power)
        guard high >= low else { return nil }

        // The value is in low…high times 2^(floorLog2 − 127 + 64 − shift).
        let top = 127 &- low.leadingZeroBitCount
        let exponentOfTop = PowersOfTen.floorLog2(exponent) &- 63 &- shift &+ top
        let field = max(exponentOfTop, format.minimumExponent) &- format.minimumExponent &+ 1
        guard field < format.infiniteField else { return infinity }
        // One more bit is dropped for every step that a subnormal lies below the normal range.
        let below = max(format.minimumExponent &- exponentOfTop, 0)
        let dropped = top &- format.fractionBits &+ below
        guard dropped <= 128 else { return 0 }

        let rounded = Self.nearestEven(low, dropped)
        if sticky, rounded != Self.nearestEven(high, dropped) { return nil }
        // A normal significand has the bit above the fraction set, which adds one to the field;
        // a carry out of the fraction adds one more.
        return UInt64(truncatingIfNeeded: field &- 1) << format.fractionBits &+ rounded
    }

    /// The upper 128 of the product's 192 bits as bounds of the true product; `sticky` tells
    /// that they differ. On overflow `high` is below `low`.
    @inline(__always)
    private func interval(
        _ shift: Int, _ power: UInt128
    ) -> (low: UInt128, high: UInt128, sticky: Bool) {
        let (low, cut) = product(shift, power)
        let isExact = PowersOfTen.exact.contains(exponent) && !isTruncated
        if isExact, cut == 0 { return (low, low, false) }
        // One for the 64 bits that were cut off, one for a power that was rounded down …
        var margin: UInt128 = 2
        // … and one unit of the significand for digits that were left out.
        if isTruncated { margin &+= ((power >> 64) &+ 1) << shift }
        return (low, low &+ margin, true)
    }

    /// The significand, shifted so that its highest bit is set, times `power`: 192 bits.
    @inline(__always)
    private func product(_ shift: Int, _ power: UInt128) -> (upper: UInt128, cut: UInt64) {
        let normalized = UInt128(significand &<< UInt64(truncatingIfNeeded: shift))
        let lower = normalized &* UInt128(UInt64(truncatingIfNeeded: power))
        let upper = normalized &* (power >> 64)
        return (upper &+ (lower >> 64), UInt64(truncatingIfNeeded: lower))
    }

    /// `value` / 2^`dropped`, to nearest, ties to even. `dropped` is 1…128.
    @inline(__always)
    private static func nearestEven(_ value: UInt128, _ dropped: Int) -> UInt64 {
        let half: UInt128 = 1 << (dropped &- 1)
        let whole = (value >> (dropped &- 1)) >> 1
        let rest = value & (half | (half &- 1))
        let isOdd = whole & 1 == 1
        let roundsUp = rest > half || (rest == half && isOdd)
        return UInt64(truncatingIfNeeded: whole) &+ (roundsUp ? 1 : 0)
    }
}
