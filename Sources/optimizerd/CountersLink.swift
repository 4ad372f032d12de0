import HTTPServer
import Synchronization

/// Lets the service, which the server is made from, read the server's counters.
final class CountersLink: Sendable {
    private let server = Mutex<HTTPServer?>(nil)

    func connect(_ server: HTTPServer) {
        self.server.withLock { $0 = server }
    }

    /// nil until the server is made.
    func read() -> ServerCounters? {
        server.withLock { $0 }?.counters
    }
}
