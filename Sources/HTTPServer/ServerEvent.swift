import HTTP1
import SystemIO

/// What the server tells its operator as it happens. Called on an event loop: do not block.
package enum ServerEvent: Sendable {
    case requestFinished(FinishedRequest)
    /// A connection broke while a request was under way.
    case connectionFailed(peer: SocketAddress, requestID: String?, reason: ConnectionFailure)
    case acceptPaused(AcceptPause)
    case acceptResumed
    /// Nothing of a request had come yet.
    case handshakeFailed(peer: SocketAddress, reason: String)
}

package enum ConnectionFailure: Sendable, Equatable {
    case system(Errno)
    /// TLS had something against the peer.
    case tls(String)
    /// The peer closed before its request was whole.
    case endedEarly
    /// The peer took none of the response, or the server's time to drain was over.
    case timedOut
}

package enum AcceptPause: Sendable, Equatable {
    /// As many connections are open as may be.
    case connectionLimit
    /// The system refuses another one, for lack of descriptors or memory.
    case exhausted(Errno)
}

/// A request whose response has been handed to the kernel whole.
package struct FinishedRequest: Sendable {
    private let head: RequestHead?
    package let status: Status
    /// Of the problem, where there was one.
    package let code: String?
    /// Bytes of the body received, and of the response sent, head included.
    package let bytesIn: UInt64
    package let bytesOut: UInt64
    /// When the head was complete, and when the last byte was given to the kernel.
    private let received: Instant
    package let finished: Instant
    package let requestID: String
    package let peer: SocketAddress

    /// Nil when the request was not understood.
    package var method: Method? { head?.method }
    package var path: String? { head?.path }

    package var duration: Duration { finished - received }

    init(
        head: RequestHead?, status: Status, code: String?, bytesIn: UInt64, bytesOut: UInt64,
        received: Instant, finished: Instant, requestID: String, peer: SocketAddress
    ) {
        self.head = head
        self.status = status
        self.code = code
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
        self.received = received
        self.finished = finished
        self.requestID = requestID
        self.peer = peer
    }
}
