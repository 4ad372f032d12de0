import HTTPServer
import Logging
import OptimizerService
import SystemIO

/// What the operator reads on stderr: one line an event, its facts as named values.
struct EventLog: Sendable {
    private let logger: Logger

    init(_ settings: LogSettings) {
        let format = settings.logFormat
        var logger = Logger(label: "optimizerd") { _ in LineLogHandler(format: format) }
        logger.logLevel = settings.logLevel.level
        self.logger = logger
    }

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

    func draining(signal: String) { logger.info("draining", metadata: ["signal": "\(signal)"]) }

    func stopped(cutConnections: Int) {
        logger.info("stopped", metadata: ["cut_connections": "\(cutConnections)"])
    }

    func record(_ event: ServerEvent) {
        switch event {
        case .requestFinished(let request):
            logger.log(level: request.status.code >= 500 ? .warning : .debug, "request", metadata: [
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
