struct FormatOptions: Command {
    let service: Endpoint
    let peer: Endpoint?
    let count: Int
    let repetitions: Int

    static let name = "formats"
    static let manual = """
        formats --service URL [--peer URL]
            One step in each format in turn, raw, safetensors and JSON with 17-digit numbers, of
            the service and of a second server that takes the same requests, over one connection
            to each. Prints the median times and their ratios.
            -n COUNT              parameters of the session (1000000)
            --repetitions COUNT   steps in each format that are measured (21)
        """

    init(_ values: inout OptionValues) throws {
        service = try values.endpoint("--service")
        peer = try values.optionalEndpoint("--peer")
        count = try values.count("-n", default: 1_000_000)
        repetitions = try values.count("--repetitions", default: 21)
    }

    func run() throws { try FormatComparison(self).run() }
}
