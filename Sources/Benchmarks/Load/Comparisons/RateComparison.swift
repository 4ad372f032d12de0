import SystemIO

/// Answers per second over keep-alive connections, the service and its peer in turn.
struct RateComparison {
    private let options: RateOptions

    init(_ options: RateOptions) {
        self.options = options
    }

    func run() throws {
        let (service, peer) = (try loop(options.service), try loop(options.peer))
        let rates = try AlternatingRates(
            [service, peer], rounds: options.rounds, seconds: options.seconds)
        report(rates.first, rates.second)
    }

    private func loop(_ endpoint: Endpoint) throws -> ClientLoop {
        let request = try endpoint.request("GET", endpoint.path)
        return try ClientLoop(endpoint, request, connections: options.connections)
    }

    private func report(_ service: Quartiles, _ peer: Quartiles) {
        let connections = options.connections
        print("GET \(options.service.path) over \(connections) connections,", terminator: " ")
        print("\(options.rounds) rounds of \(options.seconds) s in turn")
        print("  service  \(service.line(unit: "requests/s", scale: 1, digits: 0))")
        print("  peer     \(peer.line(unit: "requests/s", scale: 1, digits: 0))")
        let ratio = decimal(service.median / peer.median, digits: 3)
        print("  ratio    \(ratio) times the peer's rate")
    }
}
