struct SmallOptions: Command {
    let service: Endpoint
    let floor: Endpoint?
    let count: Int
    let sessions: Int
    let rounds: Int
    let seconds: Int

    static let name = "small"
    static let manual = """
        small --service URL [--floor URL]
            Small raw steps, each session's over a connection of its own, in turn with GET /livez
            over as many connections, and with the same steps of a floor server. Prints the median
            rates and their ratios.
            -n COUNT              parameters of each session (1000)
            --sessions COUNT      sessions, and connections of each kind (64)
            --rounds COUNT        turns of each (7)
            --seconds COUNT       length of one turn (1)
        """

    init(_ values: inout OptionValues) throws {
        service = try values.endpoint("--service")
        floor = try values.optionalEndpoint("--floor")
        count = try values.count("-n", default: 1_000)
        sessions = try values.count("--sessions", default: 64)
        rounds = try values.count("--rounds", default: 7)
        seconds = try values.count("--seconds", default: 1)
    }

    func run() throws { try SmallComparison(self).run() }
}
