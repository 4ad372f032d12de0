/// The powers of ten from 10^-342 to 10^324, each to 128 bits.
///
/// With `e = floorLog2(q)`, the entry for q is `floor(10^q · 2^(127 − e))`, so that its highest
/// bit is set. Entries for 0…55 are exact, all others are below the true value by less than one
/// unit. The table is computed at first use, by exact integer arithmetic.
///
/// Loops take `shared` once, before they start: looking at a global costs more than the lookup.
struct PowersOfTen: @unchecked Sendable {
    static let range = -342...324
    static let exact = 0...55
    static let doubleRange = -64...64

    static let shared = PowersOfTen()

    /// Points at the entry for q = 0, valid at every offset in `range`. Written in `init` only
    /// and never freed, since nothing but `shared` is ever made; hence Sendable.
    let significands: UnsafePointer<UInt128>

    /// The Double nearest to 10^q for q in `doubleRange`, exact for 0…22; as above.
    let doubles: UnsafePointer<Double>

    private init() {
        significands = Self.makeSignificands()
        doubles = Self.makeDoubles(significands)
    }

    /// 10^n for n in 0…19.
    static let small: [20 of UInt64] = [
        1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
        10_000_000_000, 100_000_000_000, 1_000_000_000_000, 10_000_000_000_000,
        100_000_000_000_000, 1_000_000_000_000_000, 10_000_000_000_000_000,
        100_000_000_000_000_000, 1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
    ]

    /// floor(log2(10^q)) for |q| ≤ 1233: log2(10) = 3.32192809…, as a fraction of 2^19.
    @inline(__always)
    static func floorLog2(_ q: Int) -> Int {
        (q &* 1_741_647) >> 19
    }

    private static func makeSignificands() -> UnsafePointer<UInt128> {
        let table = UnsafeMutablePointer<UInt128>.allocate(capacity: range.count)
        let zero = table - range.lowerBound

        // 5^q upwards, exactly: 5^324 has 753 bits.
        var power = [UInt64](repeating: 0, count: 16)
        power[0] = 1
        for q in 0...range.upperBound {
            zero[q] = leading128Bits(power)
            multiplyByFive(&power)
        }
        // floor(2^1023 / 5^n) downwards: dividing a floor by five again gives the floor, and
        // 228 bits are left at the end.
        var quotient = [UInt64](repeating: 0, count: 16)
        quotient[15] = 1 << 63
        for n in 1...(-range.lowerBound) {
            divideByFive(&quotient)
            zero[-n] = leading128Bits(quotient)
        }
        return UnsafePointer(zero)
    }

    private static func makeDoubles(
        _ significands: UnsafePointer<UInt128>
    ) -> UnsafePointer<Double> {
        let table = UnsafeMutablePointer<Double>.allocate(capacity: doubleRange.count)
        let zero = table - doubleRange.lowerBound
        for q in doubleRange {
            let bits = DecimalNumber(significand: 1, exponent: q).roundedBits(
                .double, significands)
            zero[q] = bits.map { Double(bitPattern: $0) } ?? DecimalNumber.spelled("1e\(q)")
        }
        return UnsafePointer(zero)
    }

    /// Limbs are least significant first.
    private static func multiplyByFive(_ limbs: inout [UInt64]) {
        var carry: UInt64 = 0
        for index in limbs.indices {
            let product = UInt128(limbs[index]) * 5 + UInt128(carry)
            limbs[index] = UInt64(truncatingIfNeeded: product)
            carry = UInt64(truncatingIfNeeded: product >> 64)
        }
    }

    private static func divideByFive(_ limbs: inout [UInt64]) {
        var remainder: UInt64 = 0
        for index in limbs.indices.reversed() {
            let part = (UInt128(remainder) << 64) | UInt128(limbs[index])
            limbs[index] = UInt64(truncatingIfNeeded: part / 5)
            remainder = UInt64(truncatingIfNeeded: part % 5)
        }
    }

    private static func leading128Bits(_ limbs: [UInt64]) -> UInt128 {
        let top = limbs.lastIndex { $0 != 0 } ?? 0
        func limb(_ index: Int) -> UInt64 { index < 0 ? 0 : limbs[index] }
        let shift = limb(top).leadingZeroBitCount
        let pair = (UInt128(limb(top)) << 64) | UInt128(limb(top - 1))
        guard shift > 0 else { return pair }
        return (pair << shift) | UInt128(limb(top - 2) >> (64 - shift))
    }
}
