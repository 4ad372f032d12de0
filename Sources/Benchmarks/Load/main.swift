// A client on plain sockets that asks servers on this machine and measures their answers; most
// commands ask two servers in turn, within one run, and print the ratio of their medians.
// `load-benchmark --help` tells how.

import Glibc
import SystemIO

do {
    if let command = try CommandLineArguments.parse(Array(CommandLine.arguments.dropFirst())) {
        Machine.raiseDescriptorLimit()
        try command.run()
    } else {
        print(CommandLineArguments.manual)
    }
} catch {
    var message = "load-benchmark: \(error)\n"
    // Nobody is left to tell when the complaint itself cannot be written.
    _ = message.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(error is UsageError ? 64 : 1)
}
