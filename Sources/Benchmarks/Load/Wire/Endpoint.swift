import SystemIO

/// An `http` URL with a numeric or known host and a port.
struct Endpoint {
    let address: SocketAddress
    let authority: String
    let path: String

    init?(_ text: String) {
        let scheme = "http://"
        guard text.hasPrefix(scheme) else { return nil }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        guard let colon = authority.lastIndex(of: ":"),
            let port = UInt16(authority[authority.index(after: colon)...]),
            // An address that cannot be resolved is a wrong argument like any other here.
            let address = try? SocketAddress.parse(host: String(authority[..<colon]), port: port)
        else { return nil }
        let path = rest[authority.endIndex...]
        self.address = address
        self.authority = String(authority)
        self.path = path.isEmpty ? "/" : String(path)
    }

    func request(
        _ method: String, _ path: String, type: String? = nil, body: Slab? = nil,
        isLast: Bool = false
    ) throws -> Request {
        try Request(method, path, at: authority, type: type, body: body, isLast: isLast)
    }
}
