import SystemIO

/// Requests of one kind in one mode, and how long their answers take.
struct LoadMeasurement {
    private let options: LoadOptions

    init(_ options: LoadOptions) {
        self.options = options
    }

    func run() throws {
        guard let format = options.content.format else {
            let isLast = options.mode == .new
            let livez = try options.service.request("GET", "/livez", isLast: isLast)
            return try withSlowReaders { try measure([livez], "GET /livez", $0) }
        }
        let names = (0..<options.sessions).map { "load-\($0)" }
        try BenchmarkSession.with(names, on: options.service, count: options.count) { paths in
            let body = try format.body(count: options.count)
            let requests = try paths.map {
                try options.service.step(
                    at: $0 + "/steps", format, body: body, isLast: options.mode == .new)
            }
            let title = "\(format.rawValue) steps, n = \(options.count), bodies of "
                + "\(body.byteCount) bytes, \(options.sessions) sessions"
            try withSlowReaders { try measure(requests, title, $0) }
        }
    }

    private func withSlowReaders(_ body: (SlowReaders?) throws -> Void) throws {
        guard options.slowReaders > 0 else { return try body(nil) }
        let (service, parameters) = (options.service, SlowReaders.parameters)
        try BenchmarkSession.with(["slow"], on: service, count: parameters) { paths in
            let readers = try SlowReaders(
                service, path: paths[0] + "/parameters", count: options.slowReaders)
            defer { readers.cancel() }
            try readers.awaitBegin()
            try body(readers)
        }
    }

    private func measure(_ requests: [Request], _ title: String, _ slow: SlowReaders?) throws {
        let loop = try ClientLoop(
            options.service, requests, connections: options.connections, use: use)
        let processor = try options.process.map(ProcessorTime.init)
        let busy = try processor?.seconds() ?? 0
        var latencies = LatencyHistogram()
        let schedule = Schedule(pace, seconds: Double(options.seconds))
        var end = schedule.start
        let outcome = try loop.run(schedule) { _, due, now in
            latencies.add(from: due, to: now)
            end = now
        }
        let spent = try (processor?.seconds() ?? 0) - busy
        let seconds = Double(end.nanoseconds - schedule.start.nanoseconds) / 1e9
        let count = latencies.count
        print("\(title), \(modeText), \(paceText)")
        print("requests \(count) in \(decimal(seconds, digits: 3)) s")
        print("rate \(decimal(Double(count) / max(seconds, 1e-9), digits: 1)) requests/s")
        print(latencies.lines)
        if outcome.unasked > 0 {
            print("unasked \(outcome.unasked): due, but the service did not keep up")
        }
        if processor != nil {
            print("cpu \(decimal(spent / Double(max(1, count)) * 1e6, digits: 2)) us a request")
        }
        if let slow { print(try slow.stop()) }
    }

    private var use: ClientLoop.Use {
        switch options.mode {
        case .keepAlive: .kept(depth: 1)
        case .pipelined: .kept(depth: options.depth)
        case .new: .fresh
        }
    }

    private var pace: Schedule.Pace {
        options.rate.map { .open(perSecond: Double($0)) } ?? .closed
    }

    private var modeText: String {
        let connections = "\(options.connections) connections"
        return switch options.mode {
        case .keepAlive: connections
        case .pipelined: "\(connections) with \(options.depth) requests on their way"
        case .new: "a connection for each request, \(options.connections) at a time"
        }
    }

    private var paceText: String {
        options.rate.map { "\($0) due a second" } ?? "closed loop"
    }
}
