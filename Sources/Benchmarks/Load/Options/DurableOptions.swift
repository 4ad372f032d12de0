struct DurableOptions: Command {
    let service: Endpoint
    let count: Int
    let repetitions: Int
    let smallCount: Int
    let sessions: Int
    let rounds: Int
    let seconds: Int

    static let name = "durable"
    static let manual = """
        durable --service URL
            One raw F32 step in a session with a log and in one without, in turn; then small steps
            of one session and of many, whose records share syncs.
            -n COUNT              parameters of the large step (1000000)
            --repetitions COUNT   large steps of each session that are measured (101)
            --small COUNT         parameters of each session with small steps (1000)
            --sessions COUNT      how many of these (64)
            --rounds COUNT        turns of one session and of many (7)
            --seconds COUNT       length of one turn (1)
        """

    init(_ values: inout OptionValues) throws {
        service = try values.endpoint("--service")
        count = try values.count("-n", default: 1_000_000)
        repetitions = try values.count("--repetitions", default: 101)
        smallCount = try values.count("--small", default: 1_000)
        sessions = try values.count("--sessions", default: 64)
        rounds = try values.count("--rounds", default: 7)
        seconds = try values.count("--seconds", default: 1)
    }

    func run() throws { try DurableComparison(self).run() }
}
