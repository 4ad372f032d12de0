import COpenSSL

/// The SHA-256 digest (RFC 6234) of content that arrives in pieces, however it is cut.
///
/// There is exactly one holder, and finishing takes the digest away from it, so nothing can be
/// added to a finished one. A class keeps it as an optional and finishes what `take()` returns.
package struct ContentDigest: ~Copyable {
    /// RFC 6234 §1: 256 bits.
    package static let byteCount = 32

    /// The only pointer to it.
    private let context: OpaquePointer
    /// Why a piece was not added. Nothing is added after that, and `finish` reports it.
    private var failure: ContentDigestError?

    /// - Throws: when OpenSSL has no memory for it, or its configuration offers no SHA-256.
    package init() throws(ContentDigestError) {
        try self.init(algorithm: SHA256.algorithm)
    }

    /// - Parameter algorithm: an `EVP_MD` with digests of `byteCount` bytes.
    init(algorithm: OpaquePointer?) throws(ContentDigestError) {
        guard let context = EVP_MD_CTX_new() else { throw ContentDigestError() }
        guard EVP_DigestInit_ex2(context, algorithm, nil) == 1 else {
            EVP_MD_CTX_free(context)
            throw ContentDigestError()
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Adds bytes, unmarked: where one call ends and the next begins leaves no trace.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard failure == nil, let start = bytes.baseAddress else { return }
        // OpenSSL documents 0 for failure and does not rule it out for valid arguments.
        if EVP_DigestUpdate(context, start, bytes.count) != 1 { failure = ContentDigestError() }
    }

    /// Adds a text as a field of its own: the length of its UTF-8 in eight little-endian bytes,
    /// then the UTF-8. So "ab", "c" differs from "a", "bc".
    package mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            withUnsafeBytes(of: UInt64(utf8.count).littleEndian) { update($0) }
            update(UnsafeRawBufferPointer(utf8))
        }
    }

    /// - Returns: `byteCount` bytes.
    /// - Throws: what kept OpenSSL from adding a piece or from finishing.
    package consuming func finish() throws(ContentDigestError) -> [UInt8] {
        if let failure { throw failure }
        var digest = [UInt8](repeating: 0, count: Self.byteCount)
        guard EVP_DigestFinal_ex(context, &digest, nil) == 1 else { throw ContentDigestError() }
        return digest
    }
}

/// OpenSSL could not compute a digest. With a digest's arguments, which are never the peer's, that
/// is want of memory or a provider that stopped itself.
package struct ContentDigestError: Error, Equatable, CustomStringConvertible {
    /// OpenSSL's own error code; 0 when it gave none.
    package let code: UInt

    /// Takes this thread's last error and leaves none behind, for whoever looks there next would
    /// take it for their own.
    init() {
        code = ERR_peek_last_error()
        ERR_clear_error()
    }

    package var description: String {
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            ERR_error_string_n(code, buffer.baseAddress, buffer.count)
            return buffer.baseAddress.map { String(cString: $0) } ?? ""
        }
        return "OpenSSL could not compute a SHA-256 digest: \(text)"
    }
}

private enum SHA256 {
    /// Fetched once for the process and never freed: `EVP_sha256()` looks the implementation up
    /// again for every digest. An `EVP_MD` does not change, which the `unsafe` stands for.
    private nonisolated(unsafe) static let fetched = EVP_MD_fetch(nil, "SHA256", nil)

    /// A fetch that failed is not repeated; the slow way then decides for each digest anew.
    static var algorithm: OpaquePointer? { fetched ?? EVP_sha256() }
}
