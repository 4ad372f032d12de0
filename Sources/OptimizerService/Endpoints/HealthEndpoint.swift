import HTTPServer
import OptimizerSessions
import Synchronization
import TensorFormats

/// `GET /livez` and `GET /readyz`: is the process up, does it take steps.
final class HealthEndpoint: Sendable {
    private let store: SessionStore
    private let isLeaving = Atomic<Bool>(false)

    init(store: SessionStore) { self.store = store }

    /// From now on `/readyz` says so, whatever else is still served.
    func leave() { isLeaving.store(true, ordering: .relaxed) }

    private static let live = Response.content("application/json", Array(#"{"status":"ok"}"#.utf8))

    func livez(_ exchange: Exchange) throws(Problem) -> Decision {
        _ = try QueryParameters(exchange.head, known: [])
        return .respond(HealthEndpoint.live)
    }

    func readyz(_ exchange: Exchange, _ principal: Principal) throws(Problem) -> Decision {
        _ = try QueryParameters(exchange.head, known: [])
        guard !exchange.context.isDraining, !isLeaving.load(ordering: .relaxed) else {
            throw Problem(.draining, "The service is shutting down and takes no new work.")
        }
        if let archive = store.archive, archive.health.hasFailed {
            throw Problem(.logFailed, "The disk has failed; the service is about to end.")
        }
        try store.requireRecovered(for: principal)
        return .respond(HealthEndpoint.live)
    }
}
