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
        try compareLargeSteps()
        try compareSmallSteps()
    }

    private func path(_ name: String) -> String {
        "/v1/sessions/durable-\(name)-\(ProcessEnvironment.processIdentifier)"
    }

    private func compareLargeSteps() throws {
        let kinds = ["log", "none"]
        for kind in kinds {
            try BenchmarkSession.create(
                on: options.service, at: path(kind), count: options.count, durability: kind)
        }
        let steppers = try kinds.map {
            try Stepper(options.service, path: path($0) + "/steps", options.count)
        }
        var times: [[Double]] = [[], []]
        for repetition in 0..<(Self.warmUps + options.repetitions) {
            for kind in repetition.isMultiple(of: 2) ? [0, 1] : [1, 0] {
                let time = try steppers[kind].step()
                if repetition >= Self.warmUps { times[kind].append(time) }
            }
        }
        for kind in kinds { try BenchmarkSession.remove(from: options.service, at: path(kind)) }
        let (log, none) = (Quartiles(times[0]), Quartiles(times[1]))
        print("raw F32 step, n = \(options.count), \(options.repetitions) repetitions in turn")
        print("  log      \(log.line(unit: "ms", scale: 1e3, digits: 3))")
        print("  none     \(none.line(unit: "ms", scale: 1e3, digits: 3))")
        print("  large    \(decimal(log.median / none.median, digits: 3)) times as long with a log")
    }

    private func compareSmallSteps() throws {
        let names = (0..<options.sessions).map { path("small-\($0)") }
        for name in names {
            try BenchmarkSession.create(
                on: options.service, at: name, count: options.smallCount, durability: "log")
        }
        let requests = try names.map {
            try Stepper.request(options.service, path: $0 + "/steps", options.smallCount)
        }
        let one = try ClosedLoop(options.service, requests: [requests[0]])
        let all = try ClosedLoop(options.service, requests: requests)
        let turn = UInt64(options.seconds) * 1_000_000_000
        _ = try one.rate(forNanoseconds: turn / 4)
        _ = try all.rate(forNanoseconds: turn / 4)
        var rates: [[Double]] = [[], []]
        for _ in 0..<options.rounds {
            rates[0].append(try one.rate(forNanoseconds: turn))
            rates[1].append(try all.rate(forNanoseconds: turn))
        }
        for name in names { try BenchmarkSession.remove(from: options.service, at: name) }
        let (single, many) = (Quartiles(rates[0]), Quartiles(rates[1]))
        print("durable steps, n = \(options.smallCount), \(options.rounds) rounds in turn")
        print("  1 session      \(single.line(unit: "steps/s", scale: 1, digits: 0))")
        let label = "\(options.sessions) sessions"
        print("  \(label)    \(many.line(unit: "steps/s", scale: 1, digits: 0))")
        let ratio = decimal(many.median / single.median, digits: 3)
        print("  ratio    \(ratio) times the rate of one session (goal: at least 8)")
    }
}
