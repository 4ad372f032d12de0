struct StepOptions: Command {
    let service: Endpoint
    let floor: Endpoint
    let count: Int
    let repetitions: Int

    static let name = "step"
    static let manual = """
        step --service URL --floor URL
            One optimizer step of raw F32 gradients over one connection, asked of the service and
            of the floor server in turn. Prints the median times, their ratio, and whether every
            answer had the same bits.
            -n COUNT              parameters of the session (1000000)
            --repetitions COUNT   steps of each server that are measured (101)
        """

    init(_ values: inout OptionValues) throws {
        service = try values.endpoint("--service")
        floor = try values.endpoint("--floor")
        count = try values.count("-n", default: 1_000_000)
        repetitions = try values.count("--repetitions", default: 101)
    }

    func run() throws { try StepComparison(self).run() }
}
