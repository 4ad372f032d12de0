import ArgumentParser
import Foundation
import OptimizerService
import SystemIO

/// The program: options → build → run → drain.
@main
struct Optimizerd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "optimizerd",
        abstract: "Owns the optimizer of training runs: gradients in, updated parameters out.",
        discussion: """
            Serves HTTP/1.1. GET /openapi.yaml describes every call, GET /v1 every limit.

            Every option can be given by an environment variable too: OPTIMIZERD_ and the \
            option's name in capitals with _ for -, for example OPTIMIZERD_PORT=9000 or \
            OPTIMIZERD_INSECURE=true. An option on the command line wins.

            SIGTERM and SIGINT drain: running requests are finished, then the program ends \
            with status 0, or 1 when some had to be cut off. A disk that fails ends it with 3. \
            SIGHUP has certificates, keys and the file of tokens read again.
            """,
        version: OptimizerService.version,
        subcommands: [CheckCommand.self, TokenCommand.self])

    @OptionGroup(title: "Where it listens") var listening: ListeningSettings
    @OptionGroup(title: "Who may do what") var access: AccessSettings
    @OptionGroup(title: "Where sessions are kept") var directory: DirectorySettings
    @OptionGroup(title: "How much of their past") var retention: RetentionSettings
    @OptionGroup(title: "Bounds") var bounds: BoundSettings
    @OptionGroup(title: "Times") var times: TimeSettings
    @OptionGroup(title: "Threads") var threads: ThreadSettings
    @OptionGroup(title: "Logs") var logs: LogSettings

    static func main() {
        do {
            StandardStream.openMissing()
            // Whoever stops reading stdout or stderr must not end the process by that.
            try ProcessSignal.brokenPipe.ignore()
            #if DEBUG
            try Disturbance.arm()
            #endif
            let arguments = try EnvironmentArguments.arguments(
                settings: [
                    ListeningSettings(), AccessSettings(), DirectorySettings(),
                    RetentionSettings(), BoundSettings(), TimeSettings(), ThreadSettings(),
                    LogSettings(),
                ],
                given: Array(CommandLine.arguments.dropFirst()),
                environment: ProcessInfo.processInfo.environment)
            var command = try parseAsRoot(arguments)
            try command.run()
        } catch let error as SettingError {
            exit(withError: ValidationError(error.description))
        } catch {
            exit(withError: error)
        }
    }

    func run() throws {
        let log = try EventLog(logs)
        defer { log.flush() }
        let program = try Program(settings: self, log: log)
        let ending = try program.serveUntilSignalled()
        guard ending == .clean else { throw ExitCode(ending.rawValue) }
    }
}
