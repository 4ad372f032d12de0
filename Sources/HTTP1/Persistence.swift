/// Whether the peer wants the connection kept: a token list, where `close` wins (RFC 9112 §9.3).
enum Persistence {
    static func decide(_ fields: Fields, _ version: Version) -> Bool {
        if fields.hasToken("close", in: "connection") { return false }
        return version == .http11 || fields.hasToken("keep-alive", in: "connection")
    }
}
