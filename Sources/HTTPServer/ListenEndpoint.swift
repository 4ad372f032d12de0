import SystemIO

/// One place where a server waits for connections.
package struct ListenEndpoint: Sendable {
    package enum Place: Sendable, Equatable {
        /// An address or a name. Port 0 lets the kernel choose; `HTTPServer.start` answers with
        /// its choice.
        case tcp(host: String, port: UInt16)
        /// A Unix domain socket, which this user and group may connect to.
        case local(path: String)
        /// A listening socket that whoever started the process has made.
        case inherited(descriptor: Int32)
    }

    package var place: Place
    /// Connections are encrypted, with this identity; nil: they are not.
    package var identity: TLSIdentity?

    package init(_ place: Place, identity: TLSIdentity? = nil) {
        self.place = place
        self.identity = identity
    }

    func open(backlog: Int32) throws(Errno) -> ListeningSocket {
        switch place {
        case .tcp(let host, let port):
            try ListeningSocket(
                bindingTo: try SocketAddress.parse(host: host, port: port), backlog: backlog)
        case .local(let path):
            try ListeningSocket(bindingTo: .local(path: path), backlog: backlog)
        case .inherited(let descriptor):
            try ListeningSocket(inheriting: descriptor)
        }
    }
}

/// An endpoint that the system does not let the server listen at.
package struct ListenFault: Error {
    package let place: ListenEndpoint.Place
    package let reason: Errno
}

extension ListenEndpoint.Place: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .local(let path): "unix:\(path)"
        case .inherited(let descriptor): "descriptor \(descriptor)"
        }
    }
}
