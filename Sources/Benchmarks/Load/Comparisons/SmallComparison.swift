/// Small steps a second beside the requests that cost a service least: how much of a small step
/// is more than HTTP, and, with the floor server, how much of that is more than bytes and Adam.
struct SmallComparison {
    private let options: SmallOptions

    init(_ options: SmallOptions) {
        self.options = options
    }

    func run() throws {
        let (service, sessions) = (options.service, options.sessions)
        let names = (0..<sessions).map { "small-\($0)" }
        let body = try StepFormat.raw.body(count: options.count)
        let measured = try BenchmarkSession.with(
            names, on: service, count: options.count
        ) { paths in
            let steps = try paths.map { try service.step(at: $0 + "/steps", body: body) }
            let livez = try service.request("GET", "/livez")
            var loops = [
                try ClientLoop(service, steps),
                try ClientLoop(service, livez, connections: sessions),
            ]
            if let floor = options.floor {
                // It has one session, which needs no making, and looks at no path.
                let step = try floor.step(at: "/steps", body: body)
                loops.append(try ClientLoop(floor, step, connections: sessions))
            }
            return try AlternatingRates(
                loops, rounds: options.rounds, seconds: options.seconds)
        }
        print("raw F32 steps, n = \(options.count), \(sessions) sessions,", terminator: " ")
        print("\(options.rounds) rounds of \(options.seconds) s in turn")
        let (steps, livez) = (measured.first, measured.second)
        print("  steps    \(steps.line(unit: "steps/s", scale: 1, digits: 0))")
        print("  /livez   \(livez.line(unit: "requests/s", scale: 1, digits: 0))")
        print("  ratio    \(decimal(steps.median / livez.median, digits: 3)) times the /livez rate")
        guard let floor = measured.rates.dropFirst(2).first else { return }
        print("  floor    \(floor.line(unit: "steps/s", scale: 1, digits: 0))")
        let share = decimal(floor.median / livez.median, digits: 3)
        print("  at most  \(share) times the /livez rate: the floor server's")
    }
}
