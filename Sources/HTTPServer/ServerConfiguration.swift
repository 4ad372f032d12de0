import HTTP1
import SystemIO

/// Everything about a server that its operator may choose. Durations carry their unit.
package struct ServerConfiguration: Sendable {
    package var endpoints = [ListenEndpoint(.tcp(host: "127.0.0.1", port: 8080))]
    /// Event loops, each at most one thread at a time.
    package var loopCount = max(1, Machine.cores / 2)
    package var limits = HTTPLimits()
    /// Requests on one connection; the last one's answer closes it, so that clients come back by
    /// way of a load balancer now and then.
    package var requestsPerConnection = 1_000_000

    /// Connections at once; further ones wait in the kernel's backlog.
    package var maxConnections = 10_000
    /// Connections that may wait in the kernel.
    package var backlog: Int32 = 4096
    /// How long accepting rests when descriptors have run out and none comes back.
    package var acceptPause = Duration.milliseconds(100)

    /// From a request's first byte, or from the connection's begin, to the end of the head.
    package var headDeadline = Duration.seconds(10)
    /// Between requests.
    package var idleTimeout = Duration.seconds(75)
    /// A body must bring so much on average over each `bodyRateWindow`.
    package var bodyRateBytesPerSecond = 1024
    package var bodyRateWindow = Duration.seconds(10)
    /// For the peer to take as much of a response as the rate of bodies makes of it, or the rest.
    package var writeProgressDeadline = Duration.seconds(30)
    /// After a closing response, for the peer to close too; what it still sends is dropped.
    package var lingerDeadline = Duration.seconds(5)
    package var lingerBytes = 64 * 1024 * 1024

    /// On drain, for requests that are still being sent.
    package var drainGrace = Duration.seconds(10)
    /// On drain, for everything; then connections are cut.
    package var drainDeadline = Duration.seconds(30)

    package init() {}
}
