/// BLAKE2b with a digest of 256 bits and no key (RFC 7693), in plain Swift.
///
/// It decides whether two sets of initial parameters are the same without keeping the first. A
/// false "same" would hand a client somebody else's run, so the digest has to withstand people
/// who look for collisions, and it has to mean the same in every process. SHA-256 would serve as
/// well; measured here without its special instructions, it is three times slower.
struct BLAKE2b {
    typealias Digest = [UInt8]

    static let blockBytes = 128
    static let digestBytes = 32

    private var h: [UInt64]
    private var byteCount: UInt64 = 0

    static func digest(of bytes: UnsafeRawBufferPointer) -> Digest {
        var hash = BLAKE2b()
        // The last block, which is compressed differently, is the one that fills up or ends the
        // input; only an empty input has an empty one.
        let whole = max(0, bytes.count - 1) / blockBytes * blockBytes
        for offset in stride(from: 0, to: whole, by: blockBytes) {
            hash.compress(bytes, at: offset, count: blockBytes, isLast: false)
        }
        withUnsafeTemporaryAllocation(byteCount: blockBytes, alignment: 8) { tail in
            tail.initializeMemory(as: UInt8.self, repeating: 0)
            tail.copyBytes(from: bytes[whole...])
            hash.compress(
                UnsafeRawBufferPointer(tail), at: 0, count: bytes.count - whole, isLast: true)
        }
        return (0..<digestBytes).map { index in
            UInt8(truncatingIfNeeded: hash.h[index / 8] >> UInt64(index % 8 * 8))
        }
    }

    /// §2.5 and §3.3: a parameter block that says only how long the digest is.
    private init() {
        h = Self.iv
        h[0] ^= 0x0101_0000 ^ UInt64(Self.digestBytes)
    }

    /// §3.2. `count` of the block's bytes are input, the rest is zero.
    private mutating func compress(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, count: Int, isLast: Bool
    ) {
        byteCount &+= UInt64(count)
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 16) { words in
            for word in 0..<16 {
                words[word] = UInt64(
                    littleEndian: bytes.loadUnaligned(
                        fromByteOffset: offset + 8 * word, as: UInt64.self))
            }
            mix(words, isLast: isLast)
        }
    }

    private mutating func mix(_ m: UnsafeMutableBufferPointer<UInt64>, isLast: Bool) {
        let iv = Self.iv
        var (v0, v1, v2, v3) = (h[0], h[1], h[2], h[3])
        var (v4, v5, v6, v7) = (h[4], h[5], h[6], h[7])
        var (v8, v9, v10, v11) = (iv[0], iv[1], iv[2], iv[3])
        var (v12, v13, v14, v15) = (iv[4] ^ byteCount, iv[5], isLast ? ~iv[6] : iv[6], iv[7])
        Self.sigma.withUnsafeBufferPointer { sigma in
            for round in 0..<12 {
                let s = 16 * (round % 10)
                @inline(__always) func word(_ index: Int) -> UInt64 { m[Int(sigma[s + index])] }
                Self.g(&v0, &v4, &v8, &v12, word(0), word(1))
                Self.g(&v1, &v5, &v9, &v13, word(2), word(3))
                Self.g(&v2, &v6, &v10, &v14, word(4), word(5))
                Self.g(&v3, &v7, &v11, &v15, word(6), word(7))
                Self.g(&v0, &v5, &v10, &v15, word(8), word(9))
                Self.g(&v1, &v6, &v11, &v12, word(10), word(11))
                Self.g(&v2, &v7, &v8, &v13, word(12), word(13))
                Self.g(&v3, &v4, &v9, &v14, word(14), word(15))
            }
        }
        h[0] ^= v0 ^ v8
        h[1] ^= v1 ^ v9
        h[2] ^= v2 ^ v10
        h[3] ^= v3 ^ v11
        h[4] ^= v4 ^ v12
        h[5] ^= v5 ^ v13
        h[6] ^= v6 ^ v14
        h[7] ^= v7 ^ v15
    }

    /// §3.1, the mixing function G.
    @inline(__always)
    private static func g(
        _ a: inout UInt64, _ b: inout UInt64, _ c: inout UInt64, _ d: inout UInt64,
        _ x: UInt64, _ y: UInt64
    ) {
        a = a &+ b &+ x
        d = rotr(d ^ a, 32)
        c = c &+ d
        b = rotr(b ^ c, 24)
        a = a &+ b &+ y
        d = rotr(d ^ a, 16)
        c = c &+ d
        b = rotr(b ^ c, 63)
    }

    @inline(__always)
    private static func rotr(_ x: UInt64, _ count: UInt64) -> UInt64 {
        (x &>> count) | (x &<< (64 &- count))
    }

    /// §2.6: the fractional parts of the square roots of the first eight primes.
    private static let iv: [UInt64] = [
        0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b,
        0xa54f_f53a_5f1d_36f1, 0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f,
        0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179,
    ]

    /// §2.7: ten permutations of the message words; rounds 10 and 11 start again.
    private static let sigma: [UInt8] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
        11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
        7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
        9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
        2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
        12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
        13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
        6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
        10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
    ]
}
