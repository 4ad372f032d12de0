import CLinux
import Glibc

/// A bound socket that hands out connections without ever blocking.
package struct ListeningSocket: ~Copyable, Sendable {
    package let descriptor: Descriptor
    /// As bound: port 0 has become the port that the kernel chose.
    package let localAddress: SocketAddress
    /// The file of a Unix domain socket, which goes with it.
    private let file: SocketFile?

    /// - Parameter backlog: connections that may wait in the kernel for `accept`.
    package init(bindingTo address: SocketAddress, backlog: Int32) throws(Errno) {
        let descriptor = try makeStreamSocket(family: address.family)
        let number = descriptor.number
        func bind() throws(Errno) { try Self.bind(number, address) }
        func listen() throws(Errno) {
            try check(.listen, on: number) { Glibc.listen(number, backlog) }
        }
        var file: SocketFile?
        switch address {
        case .v4, .v6:
            try Self.configure(descriptor, address)
            try bind()
            try listen()
        case .local(let path): file = try SocketFile(path, bind: bind, listen: listen)
        }
        self.init(descriptor, try boundAddress(of: number), file)
    }

    private init(
        _ descriptor: consuming Descriptor, _ localAddress: SocketAddress, _ file: SocketFile?
    ) {
        self.descriptor = descriptor
        self.localAddress = localAddress
        self.file = file
    }

    /// Takes over a socket that somebody else has bound and listens on.
    ///
    /// - Throws: `EINVAL` when it is none.
    package init(inheriting number: Int32) throws(Errno) {
        var isListening: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        try check(.socket, on: number) {
            getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length)
        }
        guard isListening != 0 else { throw .invalidArgument }
        let address = try boundAddress(of: number)
        let descriptor = Descriptor(owning: number)
        try check(.setNonblocking, on: number) { clinux_set_nonblocking(number) }
        if address.family != AF_UNIX {
            try setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        }
        // Whoever made a socket's file also removes it.
        self.init(descriptor, address, nil)
    }

    private static func configure(
        _ descriptor: borrowing Descriptor, _ address: SocketAddress
    ) throws(Errno) {
        // A restarted server takes its port back from connections in TIME_WAIT.
        try setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        // Accepted connections inherit this on Linux, which saves a call for each.
        try setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        // So that "::" and "0.0.0.0" can be listened at side by side.
        if address.family == AF_INET6 {
            try setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1)
        }
    }

    private static func bind(_ number: Int32, _ address: SocketAddress) throws(Errno) {
        guard !address.isTooLong else { throw Errno(rawValue: ENAMETOOLONG) }
        try check(.bind, on: number) { address.withKernelForm { Glibc.bind(number, $0, $1) } }
    }

    package enum AcceptResult: ~Copyable {
        case connection(StreamSocket, SocketAddress)
        /// Nobody is waiting.
        case wouldBlock
        case failed(Errno)
    }

    package func accept() -> AcceptResult {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let listener = descriptor.number
        do {
            let number = try check(.accept, on: listener) {
                clinux_accept(listener, &storage, &length)
            }
            let socket = StreamSocket(descriptor: Descriptor(owning: number))
            let peer = withUnsafePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { SocketAddress($0) }
            }
            guard let peer else { return .failed(Errno(rawValue: EAFNOSUPPORT)) }
            return .connection(socket, peer)
        } catch {
            return error == .wouldBlock ? .wouldBlock : .failed(error)
        }
    }
}

func makeStreamSocket(family: Int32) throws(Errno) -> Descriptor {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let number = try check(.socket) { socket(family, type, 0) }
    return Descriptor(owning: number)
}

func setOption(
    _ descriptor: borrowing Descriptor, _ level: Int32, _ option: Int32, _ value: Int32
) throws(Errno) {
    let number = descriptor.number
    try check(.setSocketOption, on: number) {
        withUnsafePointer(to: value) {
            setsockopt(number, level, option, $0, socklen_t(MemoryLayout<Int32>.size))
        }
    }
}

func boundAddress(of number: Int32) throws(Errno) -> SocketAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let address = try withUnsafeMutablePointer(to: &storage) { pointer throws(Errno) in
        try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw throws(Errno) in
            try check(.getSocketName, on: number) { getsockname(number, raw, &length) }
            return SocketAddress(raw)
        }
    }
    guard let address else { throw Errno(rawValue: EAFNOSUPPORT) }
    return address
}
