import SystemIO

/// What small steps feel of a large session that is stepped without a pause.
struct BesideComparison {
    private let options: BesideOptions

    init(_ options: BesideOptions) {
        self.options = options
    }

    func run() throws {
        let service = options.service
        let precedence = Precedence.take()
        print("the client that asks for small steps \(precedence)")
        try BenchmarkSession.with(["beside-small"], on: service, count: options.count) { small in
            try BenchmarkSession.with(
                ["beside-large"], on: service, count: options.largeCount
            ) { large in
                try compare(small: small[0] + "/steps", large: large[0] + "/steps")
            }
        }
    }

    private func compare(small: String, large: String) throws {
        let service = options.service
        let step = try service.step(at: small, body: StepFormat.raw.body(count: options.count))
        let loop = try ClientLoop(service, step, connections: 1)
        _ = try measure(loop, seconds: 1)  // Warms up.
        let quiet = try measure(loop, seconds: options.seconds)
        let body = try StepFormat.raw.body(count: options.largeCount)
        let background = try BackgroundSteps(service, service.step(at: large, body: body))
        let beside: LatencyHistogram
        do {
            background.awaitFirst()
            beside = try measure(loop, seconds: options.seconds)
        } catch {
            background.cancel()
            throw error
        }
        let rate = try background.stop()
        print("raw F32 steps, n = \(options.count), \(options.rate) due a second,", terminator: " ")
        print("beside steps of n = \(options.largeCount), \(options.seconds) s")
        print("quiet \(quiet.summary)")
        print("large \(decimal(rate, digits: 2)) steps/s")
        print(beside.lines)
    }

    private func measure(_ loop: ClientLoop, seconds: Int) throws -> LatencyHistogram {
        let schedule = Schedule(.open(perSecond: Double(options.rate)), seconds: Double(seconds))
        var latencies = LatencyHistogram()
        let outcome = try loop.run(schedule) { _, due, end in latencies.add(from: due, to: end) }
        guard outcome.unasked == 0 else {
            throw LoadFailure(
                description: "\(outcome.unasked) steps were due and could not be sent; "
                    + "--rate is more than the service keeps up with")
        }
        return latencies
    }
}
