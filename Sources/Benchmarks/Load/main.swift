// A closed-loop client on plain sockets: it asks two servers in turn, within one run and on one
// machine, and prints the ratio of their medians. `load-benchmark --help` tells how.

import Glibc

do {
    switch try Options.parse(Array(CommandLine.arguments.dropFirst())) {
    case .help:
        print(Options.manual)
    case .step(let options):
        try StepComparison(options).run()
    case .livez(let options):
        try RateComparison(options).run()
    case .durable(let options):
        try DurableComparison(options).run()
    case .steps(let options):
        try ManySteps(options).run()
    }
} catch {
    var message = "load-benchmark: \(error)\n"
    // Nobody is left to tell when the complaint itself cannot be written.
    _ = message.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(error is UsageError ? 64 : 1)
}
