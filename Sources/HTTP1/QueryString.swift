/// A query as `application/x-www-form-urlencoded` (WHATWG URL §5.1), which is what forms, curl's
/// `--data-urlencode -G` and every client library's "params" send. So "+" is a space: a literal
/// plus, as in 1e+3, is written %2B.
package enum QueryString {
    /// The pairs in order, repeated names kept: whoever reads them decides what a repetition means.
    /// A name without "=" has an empty value, and empty pieces ("a=1&&b=2") are passed over.
    package static func parse(
        _ raw: String?
    ) throws(QueryFault) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        guard let raw else { return pairs }
        for piece in raw.utf8.split(separator: UInt8(ascii: "&")) {
            let name = piece.prefix { $0 != .equals }
            let value = piece.dropFirst(name.count + 1)
            pairs.append((try decode(name), try decode(value)))
        }
        return pairs
    }

    private static func decode(_ part: Substring.UTF8View) throws(QueryFault) -> String {
        let bytes = Array(part)
        guard let decoded = PercentCoding.decode(bytes, plusIsSpace: true) else {
            throw QueryFault(part: String(decoding: bytes, as: UTF8.self))
        }
        return decoded
    }
}

/// A name or value of a query that is not percent-encoded UTF-8.
package struct QueryFault: Error, Equatable, Sendable {
    /// The part as received.
    package let part: String
}
