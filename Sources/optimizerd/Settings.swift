import ArgumentParser
import HTTPServer
import OptimizerService
import OptimizerSessions
import TensorFormats

/// Every default is the room's own, so that it stands in one place. Where there is none here, it
/// depends on the machine.
private enum RoomDefaults {
    static let server = ServerConfiguration()
    static let service = ServiceLimits()
    static let formats = FormatLimits()
    static let sessions = SessionLimits(stateBytes: 0)
}

/// What a client may send and the service may hold.
struct BoundSettings: ParsableArguments {
    @Option(.bytes, help: "Bytes of a request body (413 beyond).")
    var maxBodyBytes = RoomDefaults.service.bodyBytes

    @Option(.bytes, help: "Bytes of a JSON request body (413 beyond).")
    var maxJsonBodyBytes = RoomDefaults.service.jsonBodyBytes

    @Option(.headBytes, help: "Bytes of a request line (414 beyond).")
    var maxRequestLineBytes = RoomDefaults.server.limits.requestLineBytes

    @Option(.headBytes, help: "Bytes of a request's header fields (431 beyond).")
    var maxFieldSectionBytes = RoomDefaults.server.limits.fieldSectionBytes

    @Option(.count, help: "Number of a request's header fields (431 beyond).")
    var maxFieldCount = RoomDefaults.server.limits.fieldCount

    @Option(.count, help: "Connections at a time; more wait unaccepted.")
    var maxConnections = RoomDefaults.server.maxConnections

    @Option(.count, help: "Requests of one connection, which then closes.")
    var maxRequestsPerConnection = RoomDefaults.server.requestsPerConnection

    @Option(
        .bytes, help: "Bytes of all bodies in flight (503 beyond); default: a quarter of memory.")
    var maxInFlightBodyBytes: Int?

    @Option(.bytes, help: "Bytes of all sessions' state (503 beyond); default: half of memory.")
    var maxStateBytes: Int?

    @Option(.count, help: "Number of sessions (503 beyond).")
    var maxSessions = RoomDefaults.sessions.sessionCount

    @Option(.count, help: "Requests that may wait for one session (429 beyond).")
    var maxQueuePerSession = RoomDefaults.sessions.waitingPerSession

    @Option(.count, help: "Tensors of a session (422 beyond).")
    var maxTensorCount = RoomDefaults.formats.tensorCount
}

/// Where sessions are kept.
struct DirectorySettings: ParsableArguments {
    @Option(
        help: """
            Directory that sessions are kept in; default: $STATE_DIRECTORY, or optimizerd in \
            $XDG_STATE_HOME or ~/.local/state.
            """)
    var dataDir: String?
}

/// For how long what sessions were is kept.
struct RetentionSettings: ParsableArguments {
    @Option(
        .retainedSteps,
        help: "Steps back that a session which says nothing itself can be rebuilt at least.")
    var retainSteps = RoomDefaults.sessions.retainedSteps
}

/// How long the service waits, for whom.
struct TimeSettings: ParsableArguments {
    @Option(.seconds, help: "Seconds from a request's first byte to the end of its head.")
    var headDeadlineSeconds = RoomDefaults.server.headDeadline.wholeSeconds

    @Option(.bytes, help: "Bytes a second that a body must bring, and a reader take, on average.")
    var minBodyBytesPerSecond = RoomDefaults.server.bodyRateBytesPerSecond

    @Option(.seconds, help: "Seconds over which the body's rate is judged.")
    var bodyRateWindowSeconds = RoomDefaults.server.bodyRateWindow.wholeSeconds

    @Option(.seconds, help: "Seconds over which it is judged how fast a client takes an answer.")
    var writeProgressDeadlineSeconds = RoomDefaults.server.writeProgressDeadline.wholeSeconds

    @Option(.seconds, help: "Seconds that an idle connection is kept.")
    var idleSeconds = RoomDefaults.server.idleTimeout.wholeSeconds

    @Option(.delay, help: "Seconds after SIGTERM that all is served, while /readyz is 503.")
    var drainDelaySeconds = 0

    @Option(.seconds, help: "Seconds that running requests are given after SIGTERM.")
    var drainGraceSeconds = RoomDefaults.server.drainGrace.wholeSeconds
}

/// Which threads do the work.
struct ThreadSettings: ParsableArguments {
    @Option(.threads, help: "Event loops; default: half of the cores.")
    var loops: Int?

    @Option(.threads, help: "Compute lanes; default: one a core.")
    var lanes: Int?
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

    @Option(help: "Log from this level on; at debug every request is logged.")
    var logLevel = Level.info

    @Option(.rate, help: "Requests logged a second; the rest are counted.")
    var logRequestsPerSecond = 100

    @Option(help: "One line an event, for people (text) or for machines (json), on stderr.")
    var logFormat = Format.text
}

extension Duration {
    fileprivate var wholeSeconds: Int { Int(components.seconds) }
}
