import HTTPServer
import TensorFormats

/// `GET /livez` and `GET /readyz`: is the process up, does it take steps.
struct HealthEndpoint {
    private static let live = Response.content("application/json", Array(#"{"status":"ok"}"#.utf8))

    func livez(_ exchange: Exchange) throws(Problem) -> Decision {
        _ = try QueryParameters(exchange.head, known: [])
        return .respond(HealthEndpoint.live)
    }

    func readyz(_ exchange: Exchange) throws(Problem) -> Decision {
        _ = try QueryParameters(exchange.head, known: [])
        guard !exchange.context.isDraining else {
            throw Problem(.draining, "The service is shutting down and takes no new work.")
        }
        return .respond(HealthEndpoint.live)
    }
}
