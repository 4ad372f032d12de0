import ArgumentParser
import OptimizerSessions
import SystemIO
import TensorFormats

/// `optimizerd check`: reads a whole data directory that nobody serves, and says what is wrong.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks every file of a data directory that is not being served.",
        discussion: """
            Ends with status 0 when everything is as it was written, 1 when a session is damaged, \
            2 when the directory cannot be checked.

            --accept-loss NAME cuts the damaged last record off the log of that session, which \
            then starts again from the one before. The step that it held is lost.
            """)

    // The same options as the program's, so that it does not matter before or after which word
    // they stand.
    @OptionGroup var directory: DirectorySettings

    @Option(help: "Gives up the last record of this session where that is what is damaged.")
    var acceptLoss: String?

    func run() throws {
        let report: [SessionReport]
        do {
            let directory = try DataDirectory(reading: try self.directory.path)
            if let acceptLoss { try directory.dropLastRecord(of: acceptLoss) }
            report = try directory.check()
        } catch {
            _ = StandardStream.error.write(Array("optimizerd: \(error)\n".utf8))
            throw ExitCode(2)
        }
        for session in report {
            _ = StandardStream.output.write(Array("\(session)\n".utf8))
        }
        guard report.allSatisfy({ $0.fault == nil }) else { throw ExitCode(1) }
    }
}
