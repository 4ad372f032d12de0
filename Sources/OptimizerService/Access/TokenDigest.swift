import HTTPServer

/// The SHA-256 of a token's secret, which is all that is kept of it.
///
/// A password would need a slow hash, because it can be guessed. A token's secret is 256 random
/// bits that this program has drawn, so one pass of SHA-256 is as far out of reach.
package struct TokenDigest: Hashable, Sendable {
    private let words: SIMD4<UInt64>

    /// - Parameter bytes: as many as a `ContentDigest` has; missing ones count as zero.
    init(_ bytes: [UInt8]) {
        var words = SIMD4<UInt64>()
        for (index, byte) in bytes.prefix(ContentDigest.byteCount).enumerated() {
            words[index / 8] |= UInt64(byte) << UInt64(56 - index % 8 * 8)
        }
        self.words = words
    }

    /// nil unless the text is 64 hexadecimal digits.
    package init?(hexadecimal text: Substring) {
        let digits = text.utf8.compactMap { Self.value(ofDigit: $0) }
        guard text.utf8.count == 2 * ContentDigest.byteCount, digits.count == text.utf8.count
        else { return nil }
        self.init(
            stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
    }

    package var hexadecimal: String {
        (0..<4).flatMap { word in
            (0..<16).map { digit in
                let value = words[word] >> UInt64(60 - 4 * digit) & 15
                return String(value, radix: 16)
            }
        }.joined()
    }

    /// All ones for an equal digest and zero for any other. No branch and no memory access
    /// depends on the bytes, so the time tells nothing of where two digests differ.
    package func equalityMask(_ other: TokenDigest) -> UInt64 {
        let differing = words ^ other.words
        let bits = differing.x | differing.y | differing.z | differing.w
        // The top bit of a number or of its negative is set unless the number is 0.
        return ((bits | (0 &- bits)) &>> 63) &- 1
    }

    private static func value(ofDigit byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
