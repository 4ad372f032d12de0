import HTTPServer
import SystemIO

/// The places to listen at that the settings name, and the identity that is shown there.
struct Endpoints {
    static let defaultHost = "127.0.0.1"
    static let defaultPort: UInt16 = 8080

    let all: [ListenEndpoint]
    /// Those that other machines can reach.
    let exposed: [ListenEndpoint]
    /// nil without TLS.
    let identity: TLSIdentity?

    init(_ settings: ListeningSettings) throws {
        let identity = try Self.identity(settings)
        var places = try settings.listen.flatMap { $0.split(separator: ",") }.map {
            try Self.place(String($0))
        }
        places += try SocketActivation.descriptors().map { .inherited(descriptor: $0) }
        if places.isEmpty || settings.host != nil || settings.port != nil {
            let host = settings.host ?? Self.defaultHost
            places.insert(.tcp(host: host, port: settings.port ?? Self.defaultPort), at: 0)
        }
        let found = try places.map { (place: $0, address: try Self.address(of: $0)) }
        let endpoints = found.map { place, address in
            ListenEndpoint(
                Self.resolved(place, address), identity: address.isLocal ? nil : identity)
        }
        self.identity = identity
        all = endpoints
        exposed = zip(endpoints, found).filter { !$1.address.isLoopback }.map(\.0)
    }

    /// A name's address is asked for once: what is judged is then what is listened at.
    private static func resolved(
        _ place: ListenEndpoint.Place, _ address: SocketAddress
    ) -> ListenEndpoint.Place {
        guard case .tcp = place else { return place }
        return .tcp(host: address.host, port: address.port)
    }

    private static func identity(_ settings: ListeningSettings) throws -> TLSIdentity? {
        switch (settings.tlsCertificate, settings.tlsKey) {
        case (let certificate?, let key?):
            let files = TLSFiles(
                certificateChain: certificate, privateKey: key,
                clientAuthorities: settings.tlsClientCa)
            do {
                return try TLSIdentity(files)
            } catch {
                throw SettingError("\(error).")
            }
        case (nil, nil) where settings.tlsClientCa == nil: return nil
        default:
            throw SettingError("--tls-certificate and --tls-key belong together.")
        }
    }

    /// "HOST:PORT", "[V6]:PORT" or "unix:PATH"
    static func place(_ text: String) throws(SettingError) -> ListenEndpoint.Place {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard !path.isEmpty else { throw SettingError("--listen \(text) has no path.") }
            return .local(path: path)
        }
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...]), colon != text.startIndex
        else { throw SettingError("--listen \(text) is not HOST:PORT, [V6]:PORT or unix:PATH.") }
        let host = text[..<colon]
        if host.first == "[", host.last == "]" {
            return .tcp(host: String(host.dropFirst().dropLast()), port: port)
        }
        guard !host.contains(":") else {
            throw SettingError("--listen \(text) needs brackets around the address.")
        }
        return .tcp(host: String(host), port: port)
    }

    private static func address(
        of place: ListenEndpoint.Place
    ) throws(SettingError) -> SocketAddress {
        do {
            switch place {
            case .tcp(let host, let port):
                return try SocketAddress.parse(host: host, port: port)
            case .local(let path): return .local(path: path)
            case .inherited(let descriptor): return try SocketAddress(boundTo: descriptor)
            }
        } catch {
            throw SettingError("\(place) is no address: \(error).")
        }
    }
}

extension SocketAddress {
    /// Whether only processes of this machine come that way, and no network is between.
    fileprivate var isLocal: Bool {
        if case .local = self { true } else { false }
    }
}
