/// The shortest decimal that reads back to the same binary value, and among those the closest.
///
/// After Giulietti, "The Schubfach way to render doubles" (2020/2021): the rounding interval of
/// the value is scaled by one power of ten so that it holds a few integers; one with a trailing
/// zero is preferred, then the nearest.
struct ShortestDecimal {
    /// At most 17 decimal digits, for Float at most 9; the last ones may be zeros.
    var digits: UInt64
    var exponent: Int
}

extension ShortestDecimal {
    /// `value` must be finite and positive.
    @inline(__always)
    init(_ value: Double, _ powers: PowersOfTen) {
        let bits = value.bitPattern
        let fraction = bits & (1 << 52 - 1)
        let field = Int(bits >> 52) & 0x7FF
        // The value is `significand` · 2^`exponent`.
        let significand = field == 0 ? fraction : fraction | 1 << 52
        let exponent = max(field, 1) &- 1075

        if exponent <= 0, exponent >= -52 {
            // Integers below 2^53 are their own shortest decimal: every other integer is at
            // least one away, and neighbouring values are not further away than that.
            let integer = significand &>> UInt64(truncatingIfNeeded: -exponent)
            if integer &<< UInt64(truncatingIfNeeded: -exponent) == significand {
                self.init(digits: integer, exponent: 0)
                return
            }
        }
        self.init(
            significand: significand, exponent: exponent,
            isPowerOfTwo: fraction == 0 && field > 1, scale: DoubleScale.self,
            powers)
    }

    /// `value` must be finite and positive.
    @inline(__always)
    init(_ value: Float, _ powers: PowersOfTen) {
        let bits = value.bitPattern
        let fraction = UInt64(bits & (1 << 23 - 1))
        let field = Int(bits >> 23) & 0xFF
        let significand = field == 0 ? fraction : fraction | 1 << 23
        let exponent = max(field, 1) &- 150

        if exponent <= 0, exponent >= -23 {
            let integer = significand &>> UInt64(truncatingIfNeeded: -exponent)
            if integer &<< UInt64(truncatingIfNeeded: -exponent) == significand {
                self.init(digits: integer, exponent: 0)
                return
            }
        }
        self.init(
            significand: significand, exponent: exponent,
            isPowerOfTwo: fraction == 0 && field > 1, scale: FloatScale.self,
            powers)
    }

    @inline(__always)
    private init<Scale: DecimalScale>(
        significand: UInt64, exponent: Int, isPowerOfTwo: Bool, scale: Scale.Type,
        _ powers: PowersOfTen
    ) {
        // The interval's ends belong to it when ties are rounded to this value (§9.1 there).
        let excluded: UInt64 = significand & 1
        let center = 4 &* significand
        // Below a power of two the neighbour is only half as far.
        let left = center &- (isPowerOfTwo ? 1 : 2)
        let right = center &+ 2

        let k = Self.floorLog10(exponent, threeQuarters: isPowerOfTwo)
        let power = Scale.power(-k, powers)
        // Now the scaled values have the form x/4, with the rest as a sticky bit.
        let shift = UInt64(truncatingIfNeeded: exponent &+ PowersOfTen.floorLog2(-k) &+ 1)
        let lower = Scale.multiply(power, left &<< shift) &+ excluded
        let middle = Scale.multiply(power, center &<< shift)
        let upper = Scale.multiply(power, right &<< shift) &- excluded

        // A multiple of ten in the interval is shorter than anything else …
        let floor = middle >> 2
        let tens = floor / 10
        let tensBelow = lower <= 40 &* tens
        let tensAbove = 40 &* tens &+ 40 <= upper
        let isTens = floor >= 10 && tensBelow != tensAbove
        // … otherwise the neighbour inside counts, or the nearer one of two.
        let below = lower <= 4 &* floor
        let above = 4 &* floor &+ 4 <= upper
        let half = 4 &* floor &+ 2
        let isNearerAbove = middle > half || (middle == half && floor & 1 == 1)
        let roundsUp = below != above ? above : isNearerAbove
        // Written without branches, which would be taken at random.
        let whole = 10 &* (tens &+ (tensAbove ? 1 : 0))
        let single = floor &+ (roundsUp ? 1 : 0)
        self.init(digits: isTens ? whole : single, exponent: k)
    }

    /// floor(log10(2^e)), or of ¾·2^e: log10(2) and log10(¾) as fractions of 2^22, good for
    /// |e| ≤ 1500.
    @inline(__always)
    private static func floorLog10(_ e: Int, threeQuarters: Bool) -> Int {
        (e &* 1_262_611 &- (threeQuarters ? 524_031 : 0)) >> 22
    }
}

/// A precision for scaling: powers of ten rounded up, and products of which every bit that was
/// cut off lives on in the last one ("rounding to odd", §9.4 there).
private protocol DecimalScale {
    associatedtype Power
    static func power(_ q: Int, _ powers: PowersOfTen) -> Power
    static func multiply(_ power: Power, _ value: UInt64) -> UInt64
}

private enum DoubleScale: DecimalScale {
    @inline(__always)
    static func power(_ q: Int, _ powers: PowersOfTen) -> UInt128 {
        powers.significands[q] &+ (PowersOfTen.exact.contains(q) ? 0 : 1)
    }

    @inline(__always)
    static func multiply(_ power: UInt128, _ value: UInt64) -> UInt64 {
        let low = UInt128(value) &* UInt128(UInt64(truncatingIfNeeded: power))
        let high = UInt128(value) &* (power >> 64)
        let sum = high &+ (low >> 64)
        let rest = UInt64(truncatingIfNeeded: sum)
        return UInt64(truncatingIfNeeded: sum >> 64) | (rest > 1 ? 1 : 0)
    }
}

private enum FloatScale: DecimalScale {
    /// The upper half; 10^27 is the last power of ten that needs no more.
    @inline(__always)
    static func power(_ q: Int, _ powers: PowersOfTen) -> UInt64 {
        UInt64(truncatingIfNeeded: powers.significands[q] >> 64)
            &+ (q >= 0 && q <= 27 ? 0 : 1)
    }

    @inline(__always)
    static func multiply(_ power: UInt64, _ value: UInt64) -> UInt64 {
        // The value has at most 32 bits here, the product 96; the lowest 32 are cut off.
        let product = UInt128(power) &* UInt128(value)
        let rest = UInt32(truncatingIfNeeded: product >> 32)
        return UInt64(truncatingIfNeeded: product >> 64) | (rest > 1 ? 1 : 0)
    }
}
