struct RateOptions: Command {
    let service: Endpoint
    let peer: Endpoint
    let connections: Int
    let rounds: Int
    let seconds: Int

    static let name = "livez"
    static let manual = """
        livez --service URL --peer URL
            GET requests for two URLs over keep-alive connections, each of which asks again as
            soon as it is answered; one server rests while the other is asked. Prints the median
            rates and their ratio.
            --connections COUNT   keep-alive connections to each server (64)
            --rounds COUNT        turns of each server (7)
            --seconds COUNT       length of one turn (1)
        """

    init(_ values: inout OptionValues) throws {
        service = try values.endpoint("--service")
        peer = try values.endpoint("--peer")
        connections = try values.count("--connections", default: 64)
        rounds = try values.count("--rounds", default: 7)
        seconds = try values.count("--seconds", default: 1)
    }

    func run() throws { try RateComparison(self).run() }
}
