import HTTP1
import Synchronization

/// The promise of one response, to be kept once and from any thread.
///
/// The first `send` counts and later ones do nothing. A responder that goes away unsent makes the
/// server answer 500 through `RequestHandler.response(for: .responderDropped)`. When the peer has
/// gone, sending does nothing.
package final class Responder: Sendable {
    package let context: RequestContext
    /// Whether the request before this one, on the same loop, came over the same connection too:
    /// then work that is done here at once holds nobody else up.
    package let isAlone: Bool
    private let recipient: any ReplyRecipient
    private let isUsed = Atomic<Bool>(false)

    init(context: RequestContext, isAlone: Bool, recipient: any ReplyRecipient) {
        self.context = context
        self.isAlone = isAlone
        self.recipient = recipient
    }

    convenience init(
        context: RequestContext, address: ResponseAddress, connections: ConnectionSet
    ) {
        self.init(
            context: context, isAlone: connections.servesAgain(address.token),
            recipient: WaitingConnection(address: address, connections: connections))
    }

    package func send(_ response: Response) {
        guard !isUsed.exchange(true, ordering: .relaxed) else { return }
        recipient.take(.response(response))
    }

    /// Runs `work` on the connection's loop when others have had their turn.
    func continueLater(_ work: @escaping @Sendable () -> Void) {
        recipient.runLater(work)
    }

    deinit {
        guard !isUsed.load(ordering: .relaxed) else { return }
        recipient.take(.dropped)
    }
}

/// Who waits for a reply. Both functions may be called from any thread.
protocol ReplyRecipient: Sendable {
    func take(_ reply: Reply)
    func runLater(_ work: @escaping @Sendable () -> Void)
}

private struct WaitingConnection: ReplyRecipient {
    let address: ResponseAddress
    let connections: ConnectionSet

    func take(_ reply: Reply) { connections.deliver(reply, to: address) }

    func runLater(_ work: @escaping @Sendable () -> Void) { connections.loop.execute(work) }
}

/// The exchange that a response belongs to: a connection's slot in its generation, and the serial
/// number of the request on that connection. A late response finds nobody there.
struct ResponseAddress: Sendable, Equatable {
    let token: ConnectionToken
    let serial: UInt64
}

enum Reply: Sendable {
    case response(Response)
    case dropped
}
