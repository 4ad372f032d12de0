import ArgumentParser

/// Where the service listens.
struct ListeningSettings: ParsableArguments {
    @Option(help: "Address or host name to listen on.")
    var host = "127.0.0.1"

    @Option(help: "Port to listen on; 0 picks a free one and prints it.")
    var port: UInt16 = 8080

    @Flag(help: "Allow an address beyond loopback although there is no TLS and no token.")
    var insecure = false

    static let options = ["host", "port"]
    static let flags = ["insecure"]
}

/// What a client may send and the service may hold.
struct BoundSettings: ParsableArguments {
    @Option(help: "Bytes of a request body (413 beyond).")
    var maxBodyBytes = 1 << 30

    @Option(help: "Bytes of a JSON request body (413 beyond).")
    var maxJsonBodyBytes = 256 << 20

    @Option(help: "Bytes of a request line (414 beyond).")
    var maxRequestLineBytes = 8 << 10

    @Option(help: "Bytes of a request's header fields (431 beyond).")
    var maxFieldSectionBytes = 32 << 10

    @Option(help: "Number of a request's header fields (431 beyond).")
    var maxFieldCount = 100

    @Option(help: "Connections at a time; more wait unaccepted.")
    var maxConnections = 10_000

    @Option(help: "Bytes of all bodies in flight (503 beyond); default: a quarter of memory.")
    var maxInFlightBodyBytes: Int?

    @Option(help: "Bytes of all sessions' state (503 beyond); default: half of memory.")
    var maxStateBytes: Int?

    @Option(help: "Number of sessions (503 beyond).")
    var maxSessions = 100_000

    @Option(help: "Requests that may wait for one session (429 beyond).")
    var maxQueuePerSession = 64

    @Option(help: "Tensors of a session (422 beyond).")
    var maxTensorCount = 65_536

    static let options = [
        "max-body-bytes", "max-json-body-bytes", "max-request-line-bytes",
        "max-field-section-bytes", "max-field-count", "max-connections",
        "max-in-flight-body-bytes", "max-state-bytes", "max-sessions",
        "max-queue-per-session", "max-tensor-count",
    ]

    func validate() throws {
        try Setting.requirePositive([
            ("max-body-bytes", maxBodyBytes),
            ("max-json-body-bytes", maxJsonBodyBytes),
            ("max-request-line-bytes", maxRequestLineBytes),
            ("max-field-section-bytes", maxFieldSectionBytes),
            ("max-field-count", maxFieldCount),
            ("max-connections", maxConnections),
            ("max-in-flight-body-bytes", maxInFlightBodyBytes),
            ("max-state-bytes", maxStateBytes),
            ("max-sessions", maxSessions),
            ("max-queue-per-session", maxQueuePerSession),
            ("max-tensor-count", maxTensorCount),
        ])
    }
}

/// How long the service waits, for whom.
struct TimeSettings: ParsableArguments {
    @Option(help: "Seconds from a request's first byte to the end of its head.")
    var headDeadlineSeconds = 10

    @Option(help: "Bytes a second that a body must bring on average.")
    var minBodyBytesPerSecond = 1024

    @Option(help: "Seconds over which the body's rate is judged.")
    var bodyRateWindowSeconds = 10

    @Option(help: "Seconds in which a client must take at least one byte of its answer.")
    var writeProgressDeadlineSeconds = 30

    @Option(help: "Seconds that an idle connection is kept.")
    var idleSeconds = 75

    @Option(help: "Seconds that running requests are given after SIGTERM.")
    var drainGraceSeconds = 10

    static let options = [
        "head-deadline-seconds", "min-body-bytes-per-second", "body-rate-window-seconds",
        "write-progress-deadline-seconds", "idle-seconds", "drain-grace-seconds",
    ]

    func validate() throws {
        try Setting.requirePositive([
            ("head-deadline-seconds", headDeadlineSeconds),
            ("min-body-bytes-per-second", minBodyBytesPerSecond),
            ("body-rate-window-seconds", bodyRateWindowSeconds),
            ("write-progress-deadline-seconds", writeProgressDeadlineSeconds),
            ("idle-seconds", idleSeconds),
            ("drain-grace-seconds", drainGraceSeconds),
        ])
    }
}

/// Which threads do the work.
struct ThreadSettings: ParsableArguments {
    @Option(help: "Event loops; default: half of the cores.")
    var loops: Int?

    @Option(help: "Compute lanes; default: one a core.")
    var lanes: Int?

    static let options = ["loops", "lanes"]

    func validate() throws {
        try Setting.requirePositive([
            ("loops", loops),
            ("lanes", lanes),
        ])
    }
}

/// What is logged, and how.
struct LogSettings: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text
        case json
    }
    enum Level: String, ExpressibleByArgument, CaseIterable {
        case debug
        case info
        case warning
        case error
    }

    @Option(help: "Log from this level on; every request is logged at debug.")
    var logLevel = Level.info

    @Option(help: "One line an event, for people (text) or for machines (json), on stderr.")
    var logFormat = Format.text

    static let options = ["log-level", "log-format"]
}

/// What all numbers among the settings have in common.
enum Setting {
    static func requirePositive(_ values: [(option: String, value: Int?)]) throws {
        for (option, value) in values {
            if let value, value < 1 {
                throw ValidationError("--\(option) must be at least 1, not \(value).")
            }
        }
    }
}
