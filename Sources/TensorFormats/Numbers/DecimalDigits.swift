/// Writes integers as ASCII digits.
enum DecimalDigits {
    /// How many digits `value` has: 1…20.
    @inline(__always)
    static func count(_ value: UInt64) -> Int {
        // log10(2) ≈ 1233/4096 gives the number of digits or one less.
        let bits = 64 &- (value | 1).leadingZeroBitCount
        let estimate = (bits &* 1233) >> 12
        return estimate &+ (value >= PowersOfTen.small[estimate] ? 1 : 0)
    }

    /// Writes the last `count` digits of `value`, two at a time from the end.
    @inline(__always)
    static func write(
        _ value: UInt64, count: Int, to place: UnsafeMutablePointer<UInt8>
    ) {
        var rest = value
        var end = count
        // Eight digits at a time leave 32-bit divisions.
        while end > 8 {
            let eight = UInt32(truncatingIfNeeded: rest % 100_000_000)
            rest /= 100_000_000
            writePairs(eight, count: 8, to: place + (end &- 8))
            end &-= 8
        }
        writePairs(UInt32(truncatingIfNeeded: rest), count: end, to: place)
    }

    @inline(__always)
    private static func writePairs(
        _ value: UInt32, count: Int, to place: UnsafeMutablePointer<UInt8>
    ) {
        var rest = value
        var end = count
        while end >= 2 {
            let pair = Int(rest % 100) &* 2
            rest /= 100
            end &-= 2
            place[end] = pairs.utf8Start[pair]
            place[end &+ 1] = pairs.utf8Start[pair &+ 1]
        }
        if end == 1 { place[0] = UInt8(truncatingIfNeeded: rest) &+ UInt8(ascii: "0") }
    }

    private static let pairs: StaticString = """
        0001020304050607080910111213141516171819\
        2021222324252627282930313233343536373839\
        4041424344454647484950515253545556575859\
        6061626364656667686970717273747576777879\
        8081828384858687888990919293949596979899
        """
}
