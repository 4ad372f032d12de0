struct LoadOptions: Command {
    enum Content: String, CaseIterable {
        case raw, safetensors, json, livez

        /// Nil for GET /livez.
        var format: StepFormat? { StepFormat(rawValue: rawValue) }
    }

    enum Mode: String, CaseIterable {
        case keepAlive = "keep-alive"
        case pipelined
        case new
    }

    let service: Endpoint
    let content: Content
    let count: Int
    let sessions: Int
    let connections: Int
    let mode: Mode
    let depth: Int
    /// Nil in a closed loop.
    let rate: Int?
    let slowReaders: Int
    let seconds: Int
    let process: Int?

    private static let largestBody = 256 * 1024 * 1024

    static let name = "load"
    static let manual = """
        load --service URL
            Requests of one kind. In a closed loop a connection asks again as soon as it is
            answered. With --rate requests are due at even times and latency is counted from
            those, also when a request could not be sent then. Prints how many were answered, the
            rate, and the latencies.
            --format FORMAT       raw, safetensors or json steps, or livez: GET /livez (raw)
            -n COUNT              parameters of each session (1000)
            --body-bytes COUNT    in place of -n: as many parameters as a body of so many bytes
                                  holds, up to 268435456
            --sessions COUNT      sessions, which connections step in turn (1)
            --connections COUNT   connections (as many as sessions)
            --mode MODE           keep-alive; pipelined, with several requests on their way over
                                  each connection; or new, a connection for each request, whose
                                  latency includes connecting (keep-alive)
            --depth COUNT         requests on their way over a pipelined connection (16)
            --rate COUNT          requests due a second; without it the loop is closed
            --slow-readers COUNT  connections beside it that ask for another session's parameters,
                                  8 MiB, and read them at 2 KiB/s each; in place of one that the
                                  service cuts another one asks (0)
            --seconds COUNT       how long requests are asked or due (5)
            --pid PROCESS         the service's: also prints its processor time, of user and
                                  system, a request. System calls are not among what /proc counts
                                  for sockets; Tests/check-costs counts them.
        """

    init(_ values: inout OptionValues) throws {
        service = try values.endpoint("--service")
        content = try values.choice("--format", default: .raw)
        let count = try values.optionalCount("-n")
        let bytes = try values.optionalCount("--body-bytes", atMost: Self.largestBody)
        if count != nil, bytes != nil {
            throw UsageError(description: "-n and --body-bytes exclude each other")
        }
        let fitting = bytes.flatMap { [content] in content.format?.count(bodyBytes: $0) }
        self.count = count ?? fitting ?? 1_000
        sessions = try values.count("--sessions", default: 1)
        connections = try values.count("--connections", default: sessions)
        mode = try values.choice("--mode", default: .keepAlive)
        let depth = try values.optionalCount("--depth", atMost: 1_000)
        if depth != nil, mode != .pipelined {
            throw UsageError(description: "--depth is for --mode pipelined")
        }
        self.depth = depth ?? 16
        rate = try values.optionalCount("--rate")
        slowReaders = try values.optionalCount("--slow-readers") ?? 0
        seconds = try values.count("--seconds", default: 5)
        process = try values.optionalCount("--pid", atMost: Int(Int32.max))
    }

    func run() throws { try LoadMeasurement(self).run() }
}
