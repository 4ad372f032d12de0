/// Where the parts of a request target lie (RFC 9112 §3.2).
struct RequestTarget: Sendable, Equatable {
    let whole: Range<Int>
    /// Empty for an absolute-form without a path, which means "/".
    let path: Range<Int>
    let query: Range<Int>?

    /// - Parameters:
    ///   - range: not empty.
    ///   - method: where the request's method lies, on which the form depends.
    init(
        _ bytes: Span<UInt8>, _ range: Range<Int>, method: Range<Int>
    ) throws(ProtocolError) {
        whole = range
        if method.count == 7, Method(bytes, method) == .other("CONNECT") {
            throw ProtocolError(.notImplemented, "CONNECT is not implemented: this is no proxy.")
        }
        let first = bytes[range.lowerBound]
        if first == 0x2a, range.count == 1 {
            guard Method(bytes, method) == .options else {
                throw .malformed("The target * is for OPTIONS alone.")
            }
            path = range
            query = nil
            return
        }
        let start = first == .slash ? range.lowerBound : try Self.endOfAuthority(bytes, range)
        let end = try Self.end(bytes, start..<range.upperBound, stopsAtQuery: true)
        path = start..<end
        if end < range.upperBound {
            query = end + 1..<range.upperBound
            _ = try Self.end(bytes, end + 1..<range.upperBound, stopsAtQuery: false)
        } else {
            query = nil
        }
    }

    /// The end of "http://authority" in an absolute-form target, which every server must take
    /// (RFC 9112 §3.2.2).
    private static func endOfAuthority(
        _ bytes: Span<UInt8>, _ range: Range<Int>
    ) throws(ProtocolError) -> Int {
        let start = range.lowerBound
        let scheme: Int
        if range.count > 7, isSame(bytes, start..<start + 7, "http://") {
            scheme = 7
        } else if range.count > 8, isSame(bytes, start..<start + 8, "https://") {
            scheme = 8
        } else {
            throw .malformed("The request target must begin with / or http://.")
        }
        var end = start + scheme
        while end < range.upperBound, bytes[end] != .slash, bytes[end] != .questionMark { end += 1 }
        // An http URI has a host and no user information (RFC 9110 §4.2.1, §4.2.4).
        let authority = start + scheme..<end
        guard !authority.isEmpty, bytes[authority.lowerBound] != .colon,
            HostField.isValid(bytes, authority)
        else { throw .malformed("The request target names no valid host.") }
        return end
    }

    /// The end of a path, at the "?" or the range's end, or of a query, which may hold a "?".
    private static func end(
        _ bytes: Span<UInt8>, _ range: Range<Int>, stopsAtQuery: Bool
    ) throws(ProtocolError) -> Int {
        var index = range.lowerBound
        while index < range.upperBound {
            if bytes[index].isPathOrQuery {
                if stopsAtQuery, bytes[index] == .questionMark { return index }
                index += 1
            } else if isEscape(bytes, index, range.upperBound) {
                index += 3
            } else {
                throw .malformed(
                    "The request target holds a character that must be percent-encoded "
                        + "(byte \(index - range.lowerBound) of its path or query).")
            }
        }
        return index
    }
}

/// Whether a "%" and two hexadecimal digits stand at `index` (RFC 3986 §2.1).
func isEscape(_ bytes: Span<UInt8>, _ index: Int, _ end: Int) -> Bool {
    end - index >= 3 && bytes[index] == .percent && bytes[index + 1].hexDigitValue != nil
        && bytes[index + 2].hexDigitValue != nil
}
