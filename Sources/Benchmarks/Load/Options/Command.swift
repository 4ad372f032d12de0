/// One subcommand: the options it reads, and what it does with them.
protocol Command {
    /// The argument that selects it.
    static var name: String { get }
    /// Its part of `--help`: the options with their defaults, and what it prints.
    static var manual: String { get }

    init(_ values: inout OptionValues) throws
    func run() throws
}

enum CommandLineArguments {
    private static var commands: [any Command.Type] {
        [
            StepOptions.self, RateOptions.self, FormatOptions.self, SmallOptions.self,
            BesideOptions.self, LoadOptions.self, DurableOptions.self, StepsOptions.self,
        ]
    }

    private static let preface = """
        usage: load-benchmark COMMAND --OPTION VALUE …

        URLs look like http://127.0.0.1:8080. Sessions that a command steps are made by it, with
        "durability": "none" where nothing else is said, and deleted again.
        """

    static var manual: String {
        ([preface] + commands.map { $0.manual }).joined(separator: "\n\n")
    }

    /// Nil when the manual is asked for.
    static func parse(_ arguments: [String]) throws -> (any Command)? {
        if arguments.isEmpty || arguments.contains("--help") || arguments.contains("-h") {
            return nil
        }
        guard let command = commands.first(where: { $0.name == arguments[0] }) else {
            throw UsageError(description: "unknown command \(arguments[0]); see --help")
        }
        var values = try OptionValues(Array(arguments.dropFirst()))
        let options = try command.init(&values)
        try values.refuseOthers()
        return options
    }
}
