import HTTP1
import SystemIO

/// What a program serves. Every function is called on the connection's event loop and must not
/// block it.
package protocol RequestHandler: Sendable {
    /// Decides from the head alone, before `100 (Continue)` and before any body byte is read.
    func decide(_ head: RequestHead, _ context: RequestContext) -> Decision
    /// The answer to a request that could not be understood; the connection closes after it.
    func response(for error: ProtocolError, _ context: RequestContext) -> Response
    /// The answer that the server itself has to give in the handler's place.
    func response(for refusal: ServerRefusal, _ context: RequestContext) -> Response
}

package enum Decision {
    /// Answers at once. An unread body is dropped within bounds, or the connection closes.
    case respond(Response)
    /// Wants no body and answers now or later; called once, on the loop.
    case perform(@Sendable (Responder) -> Void)
    /// Wants the body, also when it is empty. `100 (Continue)` is sent if the peer waits for it.
    case receive(any BodyReceiver)
}

/// Takes one request's body straight to where it is used.
///
/// Exactly one of three things ends it: `complete`, `cancelled`, or a refusal that it returned
/// itself; nothing is called after that. All calls come from the connection's loop.
package protocol BodyReceiver: AnyObject {
    /// Memory for the next body bytes, valid until `received`. It may be smaller than what is to
    /// come, and is empty only when the body is already longer than wanted.
    func nextBuffer() -> UnsafeMutableRawBufferPointer
    /// The next `count` bytes of the body now lie at the start of the last `nextBuffer()`.
    /// A response refuses the rest of the body.
    func received(_ count: Int) -> Response?
    /// More body is to come than there is room for; answers with the refusal to send.
    func overflowed() -> Response
    /// Whether received bytes wait to be worked on; then `workOff` is called before anything else
    /// is received. Only a receiver that keeps some has a backlog.
    var hasBacklog: Bool { get }
    /// Does a bounded piece of that work. A response refuses the rest of the body.
    func workOff() -> Response?
    /// The body is whole. The responder may answer now or later, from any thread.
    func complete(_ responder: Responder)
    /// The peer vanished or was cut off: nothing may be applied.
    func cancelled()
}

extension BodyReceiver {
    package var hasBacklog: Bool { false }
    package func workOff() -> Response? { nil }
}

/// One request's circumstances.
package struct RequestContext: Sendable {
    /// Fifteen characters, unique over restarts for all practical purposes.
    package let requestID: String
    package let peer: SocketAddress
    /// Whether the server is going down and this connection will close after the response.
    package let isDraining: Bool
    /// When the head was complete.
    package let received: Instant

    package init(requestID: String, peer: SocketAddress, isDraining: Bool, received: Instant) {
        self.requestID = requestID
        self.peer = peer
        self.isDraining = isDraining
        self.received = received
    }
}

/// Why the server answers in the handler's place.
package enum ServerRefusal: String, Sendable, CaseIterable {
    /// The head did not arrive within its deadline: 408.
    case headTooSlow = "head-too-slow"
    /// The body came slower than the least rate: 408.
    case bodyTooSlow = "body-too-slow"
    /// The server goes down and the request was still being sent: 503.
    case draining
    /// The handler let go of its responder without an answer, which is a defect: 500.
    case responderDropped = "internal-error"
}
