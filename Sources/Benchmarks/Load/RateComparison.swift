import SystemIO

/// Answers per second over keep-alive connections, the service and its peer in turn.
struct RateComparison {
    private let options: RateOptions
    private static let goal = 0.7

    init(_ options: RateOptions) {
        self.options = options
    }

    func run() throws {
        let service = try ClosedLoop(options.service, connections: options.connections)
        let peer = try ClosedLoop(options.peer, connections: options.connections)
        let turn = UInt64(options.seconds) * 1_000_000_000
        _ = try service.rate(forNanoseconds: turn / 4)
        _ = try peer.rate(forNanoseconds: turn / 4)
        var rates = (service: [Double](), peer: [Double]())
        for _ in 0..<options.rounds {
            rates.service.append(try service.rate(forNanoseconds: turn))
            rates.peer.append(try peer.rate(forNanoseconds: turn))
        }
        report(Quartiles(rates.service), Quartiles(rates.peer))
    }

    private func report(_ service: Quartiles, _ peer: Quartiles) {
        let connections = options.connections
        print("GET \(options.service.path) over \(connections) connections,", terminator: " ")
        print("\(options.rounds) rounds of \(options.seconds) s in turn")
        print("  service  \(service.line(unit: "requests/s", scale: 1, digits: 0))")
        print("  peer     \(peer.line(unit: "requests/s", scale: 1, digits: 0))")
        let ratio = decimal(service.median / peer.median, digits: 3)
        print("  ratio    \(ratio) times the peer's rate (goal: at least \(Self.goal))")
    }
}
