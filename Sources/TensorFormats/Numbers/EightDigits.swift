/// Eight ASCII characters at a time, in one 64-bit word.
///
/// The first character is in the lowest byte, as a little-endian load puts it there.
enum EightDigits {
    @inline(__always)
    static func load(_ bytes: UnsafeRawPointer) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    }

    static let zeros: UInt64 = 0x3030_3030_3030_3030

    /// Has the highest bit set in every byte of `word` that is not a digit, and no other bit.
    @inline(__always)
    static func others(_ word: UInt64) -> UInt64 {
        let values = word ^ zeros
        // A byte above 9 carries into its highest bit; no byte carries into the next.
        let above = (values & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7676_7676_7676_7676
        return (above | values) & 0x8080_8080_8080_8080
    }

    /// How many zeros stand at the start of `word`: 0…8.
    @inline(__always)
    static func leadingZeros(_ word: UInt64) -> Int {
        (word ^ zeros).trailingZeroBitCount &>> 3
    }

    /// How many zeros stand at the end of `word`: 0…8.
    @inline(__always)
    static func trailingZeros(_ word: UInt64) -> Int {
        (word ^ zeros).leadingZeroBitCount &>> 3
    }

    /// The value of eight digits.
    @inline(__always)
    static func value(_ word: UInt64) -> UInt64 {
        // Neighbours join to pairs, pairs to fours, fours to eight.
        let digits = word & 0x0F0F_0F0F_0F0F_0F0F
        let pairs = digits &* 10 &+ (digits &>> 8)
        let mask: UInt64 = 0x0000_00FF_0000_00FF
        let outer = (pairs & mask) &* (100 &+ (1_000_000 &<< 32))
        let inner = ((pairs &>> 16) & mask) &* (1 &+ (10_000 &<< 32))
        return (outer &+ inner) &>> 32
    }

    /// The value of the first `count` characters of `word`, which are digits; `count` is 1…8.
    @inline(__always)
    static func value(_ word: UInt64, count: Int) -> UInt64 {
        // Shifting moves the digits to the end and null bytes, worth zero, in front of them.
        value(word &<< UInt64(truncatingIfNeeded: 64 &- 8 &* count))
    }

    /// The digits of `value`, which is below 10^8, with leading zeros.
    @inline(__always)
    static func ascii(_ value: UInt64) -> UInt64 {
        // Eight part into fours, fours into pairs, pairs into digits; multiplying and shifting
        // divides by 100 and by 10, exactly for numbers this small.
        let upper = value / 10_000
        let fours = upper | (value &- upper &* 10_000) &<< 32
        let hundreds = ((fours &* 10_486) &>> 20) & 0x0000_007F_0000_007F
        let pairs = hundreds | (fours &- hundreds &* 100) &<< 16
        let tens = ((pairs &* 103) &>> 10) & 0x000F_000F_000F_000F
        return (tens | (pairs &- tens &* 10) &<< 8) | zeros
    }

    @inline(__always)
    static func store(_ word: UInt64, _ place: UnsafeMutablePointer<UInt8>) {
        UnsafeMutableRawPointer(place).storeBytes(of: word.littleEndian, as: UInt64.self)
    }
}
