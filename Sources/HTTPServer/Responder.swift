import HTTP1
import Synchronization

/// The promise of one response, to be kept once and from any thread.
///
/// The first `send` counts and later ones do nothing. A responder that goes away unsent makes the
/// server answer 500 through `RequestHandler.response(for: .responderDropped)`. When the peer has
/// gone, sending does nothing.
package final class Responder: Sendable {
    package let context: RequestContext
    private let address: ResponseAddress
    private let connections: ConnectionSet
    private let isUsed = Atomic<Bool>(false)

    init(context: RequestContext, address: ResponseAddress, connections: ConnectionSet) {
        self.context = context
        self.address = address
        self.connections = connections
    }

    package func send(_ response: Response) {
        guard !isUsed.exchange(true, ordering: .relaxed) else { return }
        connections.deliver(.response(response), to: address)
    }

    deinit {
        guard !isUsed.load(ordering: .relaxed) else { return }
        connections.deliver(.dropped, to: address)
    }
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
