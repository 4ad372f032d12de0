import Dispatch
import HTTP1
import HTTPServer
import Logging
import OptimizerService
import SystemIO

/// What the operator reads on stderr: one line an event, its facts as named values.
struct EventLog: Sendable {
    let logger: Logger
    private let queue: LogQueue

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
        logger.logLevel = settings.logLevel.level
        self.logger = logger
        self.queue = queue
    }

    /// Waits, but not for long, until what was logged is written.
    func flush() { queue.flush(waitingAtMost: EventLog.flushLimit) }

    func started(address: String, settings: [(String, Int)]) {
        var facts: Logger.Metadata = ["address": "\(address)"]
        for (name, value) in settings { facts[name] = "\(value)" }
        logger.info("serving", metadata: facts)
    }

    func exposed(host: String) {
        logger.warning(
            "listening beyond loopback without TLS and without tokens",
            metadata: ["host": "\(host)"])
    }

    func fewDescriptors(connections: Int) {
        logger.warning(
            "descriptors for fewer connections than asked for",
            metadata: ["connections": "\(connections)"])
    }

    func draining(signal: String) { logger.info("draining", metadata: ["signal": "\(signal)"]) }

    func stopped(cutConnections: Int) {
        logger.info("stopped", metadata: ["cut_connections": "\(cutConnections)"])
    }

    func recovering(done: Int, of total: Int) {
        logger.info("recovering", metadata: ["sessions": "\(done)", "of": "\(total)"])
    }

    func ready(sessions: Int, after duration: Duration) {
        logger.info("ready", metadata: [
            "sessions": "\(sessions)", "recovery_us": "\(duration.microseconds)",
        ])
    }

    func record(_ event: ServerEvent) {
        switch event {
        case .requestFinished(let request):
            // Other 5xx are no defects: clients cause 501 and 505, and 503 is a bound at work.
            let isDefect = [.internalServerError, .insufficientStorage].contains(request.status)
            logger.log(level: isDefect ? .warning : .debug, "request", metadata: [
                "method": "\(request.method?.name ?? "-")",
                "path": "\(request.path ?? "-")",
                "status": "\(request.status.code)",
                "bytes_in": "\(request.bytesIn)",
                "bytes_out": "\(request.bytesOut)",
                "duration_us": "\(request.duration.microseconds)",
                "request_id": "\(request.requestID)",
                "peer": "\(request.peer)",
            ])
        case .connectionFailed(let peer, let requestID, let reason):
            logger.debug("connection failed", metadata: [
                "peer": "\(peer)", "request_id": "\(requestID ?? "-")", "reason": "\(reason)",
            ])
        case .acceptPaused(let reason):
            logger.warning("accepting paused", metadata: ["reason": "\(reason)"])
        case .acceptResumed:
            logger.info("accepting resumed")
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
