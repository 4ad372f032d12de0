/// Small steps a second beside the requests that cost a service least: how much of a small step
/// is more than HTTP.
struct SmallComparison {
    private let options: SmallOptions

    init(_ options: SmallOptions) {
        self.options = options
    }

    func run() throws {
        let (service, sessions) = (options.service, options.sessions)
        let names = (0..<sessions).map { "small-\($0)" }
        let body = try StepFormat.raw.body(count: options.count)
        let rates = try BenchmarkSession.with(names, on: service, count: options.count) { paths in
            let steps = try paths.map { try service.step(at: $0 + "/steps", body: body) }
            let livez = try service.request("GET", "/livez")
            return try AlternatingRates(
                try ClientLoop(service, steps),
                try ClientLoop(service, livez, connections: sessions),
                rounds: options.rounds, seconds: options.seconds)
        }
        print("raw F32 steps, n = \(options.count), \(sessions) sessions,", terminator: " ")
        print("\(options.rounds) rounds of \(options.seconds) s in turn")
        print("  steps    \(rates.first.line(unit: "steps/s", scale: 1, digits: 0))")
        print("  /livez   \(rates.second.line(unit: "requests/s", scale: 1, digits: 0))")
        let ratio = decimal(rates.first.median / rates.second.median, digits: 3)
        print("  ratio    \(ratio) times the /livez rate")
    }
}
