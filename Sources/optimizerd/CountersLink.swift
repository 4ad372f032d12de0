import HTTPServer
import Synchronization

/// Lets the service, which the server is made from, read the server's counters.
final class CountersLink: Sendable {
    /// The server holds the service, and the service this link: a strong one would close a circle.
    private struct Target {
        weak var server: HTTPServer?
    }

    private let target = Mutex(Target())

    func connect(_ server: HTTPServer) {
        target.withLock { $0.server = server }
    }

    /// nil until the server is made, and once it is gone.
    func read() -> ServerCounters? {
        target.withLock { $0.server }?.counters
    }
}
