import SystemIO

/// The time of one step in each format: of the service and, where there is one, of a second
/// server, in turn, with the same bytes.
struct FormatComparison {
    private let options: FormatOptions
    private static let warmUps = 2
    /// A long JSON body empties the caches for the step after it, so each format comes after each
    /// other one equally often.
    private static let orders = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2]]

    init(_ options: FormatOptions) {
        self.options = options
    }

    func run() throws {
        let bodies = try StepFormat.allCases.map { try $0.body(count: options.count) }
        try withTarget("service", options.service, bodies) { service in
            guard let peer = options.peer else {
                return report([(service, try measure([service])[0])])
            }
            try withTarget("peer", peer, bodies) { peer in
                report(Array(zip([service, peer], try measure([service, peer]))))
            }
        }
    }

    /// A server with a session to step over one connection.
    private struct Target {
        let name: String
        let exchange: Exchange
        /// By format.
        let requests: [Request]

        /// - Returns: the seconds that one step took.
        func step(_ format: Int) throws -> Double {
            let (head, seconds) = try exchange.timed(requests[format])
            guard head.status == 200, head.bodyBytes > 0 else {
                throw LoadFailure(description: "\(name): answer \(head.status) without parameters")
            }
            return seconds
        }
    }

    /// The times of one server's steps, by format.
    private typealias Times = [Quartiles]

    private func withTarget(
        _ name: String, _ server: Endpoint, _ bodies: [Slab], _ body: (Target) throws -> Void
    ) throws {
        try BenchmarkSession.with(["formats"], on: server, count: options.count) { paths in
            let requests = try zip(StepFormat.allCases, bodies).map {
                try server.step(at: paths[0] + "/steps", $0, body: $1)
            }
            try body(Target(name: name, exchange: try Exchange(server), requests: requests))
        }
    }

    private func measure(_ targets: [Target]) throws -> [Times] {
        var seconds = targets.map { _ in StepFormat.allCases.map { _ in [Double]() } }
        for repetition in 0..<(Self.warmUps + options.repetitions) {
            for format in Self.orders[repetition % Self.orders.count] {
                // Taking turns at being first, as in the comparison with the floor.
                let order = Array(targets.indices)
                for target in repetition.isMultiple(of: 2) ? order : order.reversed() {
                    let time = try targets[target].step(format)
                    if repetition >= Self.warmUps { seconds[target][format].append(time) }
                }
            }
        }
        return seconds.map { $0.map(Quartiles.init) }
    }

    private func report(_ results: [(target: Target, times: Times)]) {
        print("one step in each format, n = \(options.count),", terminator: " ")
        print("\(options.repetitions) repetitions in turn")
        for (index, format) in StepFormat.allCases.enumerated() {
            for (target, times) in results {
                let line = times[index].line(unit: "ms", scale: 1e3, digits: 3)
                print("  \(padded(format.rawValue, 11)) \(padded(target.name, 7))  \(line)")
            }
        }
        let service = results[0].times.map(\.median)
        print("  ratio safetensors/raw \(decimal(service[1] / service[0], digits: 3))")
        guard results.count > 1 else { return print("  left out: no peer to compare with") }
        let peer = results[1].times.map(\.median)
        for (index, format) in StepFormat.allCases.enumerated() {
            let ratio = decimal(peer[index] / service[index], digits: 3)
            print("  ratio \(format.rawValue) peer/service \(ratio)")
        }
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
