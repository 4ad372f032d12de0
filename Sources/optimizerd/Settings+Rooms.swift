import HTTPServer
import OptimizerService
import OptimizerSessions
import SystemIO
import TensorFormats

/// The settings in the words of the rooms that they are for.
extension Optimizerd {
    var serverConfiguration: ServerConfiguration {
        var configuration = ServerConfiguration()
        if let loops = threads.loops { configuration.loopCount = loops }
        configuration.limits.requestLineBytes = bounds.maxRequestLineBytes
        configuration.limits.fieldSectionBytes = bounds.maxFieldSectionBytes
        configuration.limits.fieldCount = bounds.maxFieldCount
        configuration.maxConnections = bounds.maxConnections
        configuration.requestsPerConnection = bounds.maxRequestsPerConnection
        configuration.headDeadline = .seconds(times.headDeadlineSeconds)
        configuration.idleTimeout = .seconds(times.idleSeconds)
        configuration.bodyRateBytesPerSecond = times.minBodyBytesPerSecond
        configuration.bodyRateWindow = .seconds(times.bodyRateWindowSeconds)
        configuration.writeProgressDeadline = .seconds(times.writeProgressDeadlineSeconds)
        configuration.drainGrace = .seconds(times.drainGraceSeconds)
        // Requests that are whole may take longer than those still being sent.
        configuration.drainDeadline = .seconds(times.drainGraceSeconds * 3)
        return configuration
    }

    var serviceLimits: ServiceLimits {
        var limits = ServiceLimits()
        limits.bodyBytes = bounds.maxBodyBytes
        limits.jsonBodyBytes = bounds.maxJsonBodyBytes
        return limits
    }

    var formatLimits: FormatLimits {
        var limits = FormatLimits()
        limits.tensorCount = bounds.maxTensorCount
        return limits
    }

    func sessionLimits(memoryBytes: Int) -> SessionLimits {
        var limits = SessionLimits(stateBytes: bounds.maxStateBytes ?? memoryBytes / 2)
        limits.sessionCount = bounds.maxSessions
        limits.waitingPerSession = bounds.maxQueuePerSession
        limits.retainedSteps = retention.retainSteps
        return limits
    }

    /// Memory for bodies in flight.
    func inFlightBodyBytes(memoryBytes: Int) -> Int {
        bounds.maxInFlightBodyBytes ?? memoryBytes / 4
    }
}
