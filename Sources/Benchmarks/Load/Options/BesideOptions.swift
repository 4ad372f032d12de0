struct BesideOptions: Command {
    let service: Endpoint
    let largeCount: Int
    let count: Int
    let rate: Int
    let seconds: Int

    static let name = "beside"
    static let manual = """
        beside --service URL
            Latency of small raw steps that are due at even times, first quiet and then beside a
            large session that is stepped without a pause. Latency is counted from the time at
            which a step was due, also when it could not be sent then. Prints the quiet latencies,
            the large session's rate, and the latencies beside it.
            --large COUNT         parameters of the large session (10000000)
            -n COUNT              parameters of the small one (1000)
            --rate COUNT          small steps a second (100)
            --seconds COUNT       length of each of the two spans (10)
        """

    init(_ values: inout OptionValues) throws {
        service = try values.endpoint("--service")
        largeCount = try values.count("--large", default: 10_000_000)
        count = try values.count("-n", default: 1_000)
        rate = try values.count("--rate", default: 100)
        seconds = try values.count("--seconds", default: 10)
    }

    func run() throws { try BesideComparison(self).run() }
}
