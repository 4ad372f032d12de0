/// The Expect field (RFC 9110 §10.1.1): `100-continue` is the only expectation there is.
enum Expectation {
    /// Whether the peer waits for 100 (Continue). HTTP/1.0 does not know it, and without a body
    /// there is nothing to wait for.
    static func decide(
        _ fields: Fields, _ version: Version, _ framing: BodyFraming
    ) throws(ProtocolError) -> Bool {
        let span = fields.bytes.span
        var isAsked = false
        for line in fields.lines where isSame(span, line.name, "expect") {
            var elements = ListElements(line.value)
            while let element = elements.next(in: span) {
                guard isSame(span, element, "100-continue") else {
                    throw ProtocolError(
                        .expectationFailed, "The only expectation known here is 100-continue.")
                }
                isAsked = true
            }
        }
        return isAsked && version == .http11 && framing.hasBody
    }
}
