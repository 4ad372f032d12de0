import SystemIO

/// What durability costs: a large step that is on the disk before it is answered beside one that
/// lives in memory, and small steps of many sessions beside those of one, where many records
/// share a wait for the disk.
struct DurableComparison {
    private let options: DurableOptions
    private static let warmUps = 5

    init(_ options: DurableOptions) {
        self.options = options
    }

    func run() throws {
        let (service, count) = (options.service, options.count)
        try BenchmarkSession.with(
            ["durable-log"], on: service, count: count, durability: "log"
        ) { log in
            try BenchmarkSession.with(["durable-none"], on: service, count: count) { none in
                try compareLargeSteps(log + none)
            }
        }
        try BenchmarkSession.with(
            (0..<options.sessions).map { "durable-small-\($0)" }, on: service,
            count: options.smallCount, durability: "log", compareSmallSteps)
    }

    /// - Parameter paths: of the session with a log, and of the one without.
    private func compareLargeSteps(_ paths: [String]) throws {
        let steppers = try paths.map {
            try Stepper(options.service, path: $0 + "/steps", options.count)
        }
        var times: [[Double]] = [[], []]
        for repetition in 0..<(Self.warmUps + options.repetitions) {
            for kind in repetition.isMultiple(of: 2) ? [0, 1] : [1, 0] {
                let time = try steppers[kind].step()
                if repetition >= Self.warmUps { times[kind].append(time) }
            }
        }
        let (log, none) = (Quartiles(times[0]), Quartiles(times[1]))
        print("raw F32 step, n = \(options.count), \(options.repetitions) repetitions in turn")
        print("  log      \(log.line(unit: "ms", scale: 1e3, digits: 3))")
        print("  none     \(none.line(unit: "ms", scale: 1e3, digits: 3))")
        print("  large    \(decimal(log.median / none.median, digits: 3)) times as long with a log")
    }

    private func compareSmallSteps(_ paths: [String]) throws {
        let body = try StepFormat.raw.body(count: options.smallCount)
        let requests = try paths.map { try options.service.step(at: $0 + "/steps", body: body) }
        let rates = try AlternatingRates(
            [
                try ClientLoop(options.service, [requests[0]]),
                try ClientLoop(options.service, requests),
            ],
            rounds: options.rounds, seconds: options.seconds)
        let (single, many) = (rates.first, rates.second)
        print("durable steps, n = \(options.smallCount), \(options.rounds) rounds in turn")
        print("  1 session      \(single.line(unit: "steps/s", scale: 1, digits: 0))")
        let label = "\(options.sessions) sessions"
        print("  \(label)    \(many.line(unit: "steps/s", scale: 1, digits: 0))")
        let ratio = decimal(many.median / single.median, digits: 3)
        print("  ratio    \(ratio) times the rate of one session")
    }
}
