/// The first line of a request: method, target and version, each after a single space
/// (RFC 9112 §3).
struct RequestLine: Sendable {
    /// Where the method lies; it is made once the whole head is here.
    let method: Range<Int>
    let target: RequestTarget
    let version: Version

    /// - Parameter range: the line without its CRLF.
    init(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(ProtocolError) {
        var end = range.lowerBound
        while end < range.upperBound, bytes[end].isToken { end += 1 }
        let name = range.lowerBound..<end
        guard !name.isEmpty, end < range.upperBound, bytes[end] == .space else {
            throw .malformed("The request line must begin with a method token and one space.")
        }
        let start = end + 1
        end = start
        while end < range.upperBound, bytes[end] != .space { end += 1 }
        guard end > start, end < range.upperBound else {
            throw .malformed("The request line must be a method, a target and a version.")
        }
        // The version comes before the target, so that an HTTP/2 preface ("PRI *") is told 505.
        version = try Self.version(bytes, end + 1..<range.upperBound)
        method = name
        target = try RequestTarget(bytes, start..<end, method: name)
    }

    /// "HTTP/" DIGIT "." DIGIT, in this case (RFC 9112 §2.3). A later minor version is read as the
    /// highest one known (RFC 9110 §2.5).
    private static func version(
        _ bytes: Span<UInt8>, _ range: Range<Int>
    ) throws(ProtocolError) -> Version {
        let start = range.lowerBound
        guard range.count == 8, bytes[start] == 0x48, bytes[start + 1] == 0x54,
            bytes[start + 2] == 0x54, bytes[start + 3] == 0x50, bytes[start + 4] == .slash,
            bytes[start + 5].isDigit, bytes[start + 6] == 0x2e, bytes[start + 7].isDigit
        else { throw .malformed("The request line must end with a version such as HTTP/1.1.") }
        guard bytes[start + 5] == 0x31 else {
            throw ProtocolError(.versionNotSupported, "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
        }
        return bytes[start + 7] == 0x30 ? .http10 : .http11
    }
}
