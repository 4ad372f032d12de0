import ArgumentParser

/// Who may do what.
struct AccessSettings: ParsableArguments {
    @Option(help: ArgumentHelp(
        "File of the tokens that requests have to bring; SIGHUP has it read again.",
        valueName: "file"))
    var tokens: String?
}
