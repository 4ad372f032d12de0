import SystemIO

/// How one connection's bytes travel: as they are, or through TLS. No call blocks.
protocol Transport: AnyObject {
    /// As `StreamSocket.receive`.
    func receive(into room: UnsafeMutableRawBufferPointer) -> IOResult
    /// As `StreamSocket.send`.
    func send(_ list: borrowing GatherList) -> IOResult
    /// Nothing more will be sent, and the peer is told; receiving goes on.
    func finishSending() throws(Errno)
    /// The connection ends now. The peer is told where the transport has a word for it.
    func close()
    /// As `StreamSocket.untakenBytes`.
    var untakenBytes: UInt64? { get }
    /// Whether the socket's readiness is the transport's. If so, a transfer that moved less than
    /// was offered has emptied or filled the socket (epoll(7)). If not, bytes wait outside the
    /// socket too, and either direction may wait for the other.
    var isTransparent: Bool { get }
    /// What the transport itself had against the peer, when it failed.
    var fault: String? { get }
}

extension AcceptedSocket: Transport {
    func receive(into room: UnsafeMutableRawBufferPointer) -> IOResult {
        socket.receive(into: room)
    }

    func send(_ list: borrowing GatherList) -> IOResult { socket.send(list) }

    func finishSending() throws(Errno) { try socket.finishSending() }

    /// The descriptor goes with the last reference, and the kernel tells the peer then.
    func close() {}

    var untakenBytes: UInt64? { socket.untakenBytes }
    var isTransparent: Bool { true }
    var fault: String? { nil }
}
