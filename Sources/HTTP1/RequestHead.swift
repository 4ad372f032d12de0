/// Everything before a request's body. The text parts are made on demand from one copy of the
/// head's bytes; short paths need no allocation at all. A class, because it is handed from the
/// parser to the connection, the handler, the body and the log, all of which only read it.
package final class RequestHead: Sendable {
    package let method: Method
    package let version: Version
    package let fields: Fields
    package let framing: BodyFraming
    /// Whether the peer wants the connection kept after the response (RFC 9112 §9.3).
    package let keepsAlive: Bool
    /// Whether the peer holds its body back until it hears 100 (Continue).
    package let expectsContinue: Bool
    private let place: RequestTarget

    init(line: RequestLine, fields: Fields) throws(ProtocolError) {
        try HostField.check(fields, line.version)
        framing = try BodyFraming.decide(fields, line.version)
        expectsContinue = try Expectation.decide(fields, line.version, framing)
        keepsAlive = Persistence.decide(fields, line.version)
        method = Method(fields.bytes.span, line.method)
        version = line.version
        place = line.target
        self.fields = fields
    }

    /// The request target as received.
    package var target: String { text(place.whole) }

    /// The absolute path, still percent-encoded, without the query. An absolute-form target is
    /// reduced to its path; "*" for the asterisk-form.
    package var path: String { place.path.isEmpty ? "/" : text(place.path) }

    /// What follows the "?", raw; nil without one.
    package var query: String? { place.query.map(text) }

    private func text(_ range: Range<Int>) -> String {
        let bytes = fields.bytes
        return HTTP1.text(bytes.span, range)
    }
}

package enum Version: Hashable, Sendable {
    case http10, http11
}
