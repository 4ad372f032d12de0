import HTTPServer

/// A token as its holder sends it: `opt_`, by which a leaked one is found, and 256 random bits in
/// base64url (RFC 4648 §5).
package struct TokenSecret: Sendable {
    package let text: String

    package static let mark = "opt_"
    private static let digitCount = 43
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// Draws a new one.
    ///
    /// - Parameter generator: one that nobody can foretell, outside of tests.
    package init(using generator: inout some RandomNumberGenerator) {
        // 43 digits of 6 bits are 258; the last digit's two lowest are zero, as padding bits are.
        let digits = (0..<Self.digitCount).map { index in
            let bits = UInt8.random(in: 0...63, using: &generator)
            return Self.alphabet[Int(index == Self.digitCount - 1 ? bits & 0b11_1100 : bits)]
        }
        text = Self.mark + String(decoding: digits, as: UTF8.self)
    }

    /// nil for what this program has never given out, which then needs no hashing.
    package init?(presented text: String) {
        guard text.utf8.starts(with: Self.mark.utf8),
            text.utf8.count == Self.mark.utf8.count + Self.digitCount
        else { return nil }
        self.text = text
    }

    package func digest() throws(ContentDigestError) -> TokenDigest {
        var digest = try ContentDigest()
        Array(text.utf8).withUnsafeBytes { digest.update($0) }
        return TokenDigest(try digest.finish())
    }
}
