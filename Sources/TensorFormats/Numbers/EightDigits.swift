/// Eight ASCII characters at a time, in one 64-bit word.
///
/// The first character is in the lowest byte, as a little-endian load puts it there.
enum EightDigits {
    @inline(__always)
    static func load(_ bytes: UnsafeRawPointer) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    }

    /// How many characters at the start of `word` are digits: 0…8.
    @inline(__always)
    static func count(_ word: UInt64) -> Int {
        let values = word ^ 0x3030_3030_3030_3030
        // A byte above 9 carries into its highest bit; no byte carries into the next.
        let above = (values & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7676_7676_7676_7676
        return ((above | values) & 0x8080_8080_8080_8080).trailingZeroBitCount &>> 3
    }

    /// The value of the first `count` digits of `word`; `count` is 1…8.
    @inline(__always)
    static func value(_ word: UInt64, count: Int) -> UInt64 {
        // Shifting moves the digits to the end and zeros in front of them.
        let digits = (word & 0x0F0F_0F0F_0F0F_0F0F) &<< UInt64(truncatingIfNeeded: 64 &- 8 &* count)
        // Neighbours join to pairs, pairs to fours, fours to eight.
        let pairs = digits &* 10 &+ (digits &>> 8)
        let mask: UInt64 = 0x0000_00FF_0000_00FF
        let outer = (pairs & mask) &* (100 &+ (1_000_000 &<< 32))
        let inner = ((pairs &>> 16) & mask) &* (1 &+ (10_000 &<< 32))
        return (outer &+ inner) &>> 32
    }
}
