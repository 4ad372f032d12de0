import Dispatch
import HTTP1
import HTTPServer
import Logging
import OptimizerService
import SystemIO

/// What the operator reads on stderr: one line an event, its facts as named values.
struct EventLog: Sendable {
    let logger: Logger
    private let level: Logger.Level
    private let queue: LogQueue
    private let requests: LineSampler
    private let defects: LineSampler
    private let pauses = LineSampler(perSecond: 1)

    /// For the writer at the end; whoever does not read by then misses the last lines.
    private static let flushLimit = DispatchTimeInterval.seconds(1)

    init(_ settings: LogSettings) throws(Errno) {
        let format = settings.logFormat
        let queue = try LogQueue(stream: .error) { lineCount in
            format.line(.warning, "log lines dropped", [("count", "\(lineCount)")])
        }
        var logger = Logger(label: "optimizerd") { _ in
            LineLogHandler(format: format, queue: queue)
        }
        level = settings.logLevel.level
        logger.logLevel = level
        self.logger = logger
        self.queue = queue
        requests = LineSampler(perSecond: settings.logRequestsPerSecond)
        defects = LineSampler(perSecond: max(1, settings.logRequestsPerSecond))
    }

    /// Waits, but not for long, until what was logged is written.
    func flush() { queue.flush(waitingAtMost: EventLog.flushLimit) }

    func started(address: String, settings: [(String, Int)]) {
        var facts: Logger.Metadata = ["address": "\(address)"]
        for (name, value) in settings { facts[name] = "\(value)" }
        logger.info("serving", metadata: facts)
    }

    func exposed(at place: String, lacking: String) {
        logger.warning("listening beyond loopback with \(lacking)", metadata: ["at": "\(place)"])
    }

    func fewDescriptors(connections: Int) {
        logger.warning(
            "descriptors for fewer connections than asked for",
            metadata: ["connections": "\(connections)"])
    }

    func draining(signal: String) { logger.info("draining", metadata: ["signal": "\(signal)"]) }

    func stopped(cutConnections: Int) {
        var facts: Logger.Metadata = ["cut_connections": "\(cutConnections)"]
        let unlogged = requests.unlogged + defects.unlogged
        if unlogged > 0 { facts["unlogged_requests"] = "\(unlogged)" }
        logger.info("stopped", metadata: facts)
    }

    func recovering(done: Int, of total: Int) {
        logger.info("recovering", metadata: ["sessions": "\(done)", "of": "\(total)"])
    }

    func ready(sessions: Int, after duration: Duration) {
        logger.info("ready", metadata: [
            "sessions": "\(sessions)", "recovery_us": "\(duration.microseconds)",
        ])
    }

    /// Every one at debug; otherwise as many a second as were asked for. Defects are warnings.
    private func record(_ request: FinishedRequest) {
        // Other 5xx are no defects: clients cause 501 and 505, and 503 is a bound at work.
        let isDefect = [.internalServerError, .insufficientStorage].contains(request.status)
        let isEach = level <= .debug
        let own: Logger.Level = isDefect ? .warning : isEach ? .debug : .info
        guard level <= own else { return }
        let unlogged = isEach ? 0 : (isDefect ? defects : requests).admit(request.finished)
        guard let unlogged else { return }
        var facts: Logger.Metadata = [
            "method": "\(request.method?.name ?? "-")",
            "route": "\(request.path.flatMap { try? Route(path: $0).template } ?? "-")",
            "path": "\(request.path ?? "-")",
            "status": "\(request.status.code)",
            "bytes_in": "\(request.bytesIn)",
            "bytes_out": "\(request.bytesOut)",
            "duration_us": "\(request.duration.microseconds)",
            "request_id": "\(request.requestID)",
            "peer": "\(request.peer)",
        ]
        if let code = request.code { facts["code"] = "\(code)" }
        if unlogged > 0 { facts["unlogged_before"] = "\(unlogged)" }
        logger.log(level: own, "request", metadata: facts)
    }

    func record(_ event: ServerEvent) {
        switch event {
        case .requestFinished(let request): record(request)
        case .connectionFailed(let peer, let requestID, let reason):
            logger.debug("connection failed", metadata: [
                "peer": "\(peer)", "request_id": "\(requestID ?? "-")", "reason": "\(reason)",
            ])
        case .acceptPaused(let reason):
            // At the limit each connection that goes ends a pause and the next begins one.
            guard let unlogged = pauses.admit(MonotonicClock.now()) else { return }
            var facts: Logger.Metadata = ["reason": "\(reason)"]
            if unlogged > 0 { facts["unlogged_before"] = "\(unlogged)" }
            logger.warning("accepting paused", metadata: facts)
        case .acceptResumed:
            logger.debug("accepting resumed")
        case .handshakeFailed(let peer, let reason):
            logger.debug(
                "TLS handshake failed", metadata: ["peer": "\(peer)", "reason": "\(reason)"])
        }
    }
}

extension LogSettings.Level {
    fileprivate var level: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}

extension Duration {
    fileprivate var microseconds: Int64 {
        components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    }
}
