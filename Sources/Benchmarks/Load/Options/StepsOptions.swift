struct StepsOptions: Command {
    let service: Endpoint
    let steps: Int
    let count: Int
    let sessions: Int

    static let name = "steps"
    static let manual = """
        steps --service URL
            So many steps in all of the sessions whose paths are the URL's and 0, 1, 2 and so on,
            which are there already, each over a connection of its own. Prints for each how many
            were answered.
            --steps COUNT         steps in all (1000000)
            -n COUNT              parameters of each session (10)
            --sessions COUNT      how many sessions (64)
        """

    init(_ values: inout OptionValues) throws {
        service = try values.endpoint("--service")
        steps = try values.count("--steps", default: 1_000_000)
        count = try values.count("-n", default: 10)
        sessions = try values.count("--sessions", default: 64)
    }

    func run() throws { try ManySteps(self).run() }
}
