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

    /// A request as it goes over the wire. `fill` writes the body of `bodyBytes`; without it there
    /// is none.
    func request(
        _ method: String, _ path: String, type: String? = nil, bodyBytes: Int? = nil,
        fill: (UnsafeMutableRawBufferPointer) -> Void = { _ in }
    ) throws -> Slab {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: \(authority)\r\n"
        if let type { head += "Content-Type: \(type)\r\n" }
        if let bodyBytes { head += "Content-Length: \(bodyBytes)\r\n" }
        head += "\r\n"
        let headBytes = head.utf8.count
        let request = try Slab(byteCount: headBytes + (bodyBytes ?? 0), zeroed: true)
        request.bytes.copyBytes(from: head.utf8)
        fill(UnsafeMutableRawBufferPointer(rebasing: request.bytes[headBytes...]))
        return request
    }
}
