import Dispatch
import Synchronization
import SystemIO

/// Steps that another thread takes over one connection, each as soon as the one before it is
/// answered.
final class BackgroundSteps: Sendable {
    private struct State {
        /// When answers were whole: the first one, and the last one.
        var first: Instant?
        var last: Instant?
        var answers = 0
        var failure: (any Error)?
        var isStopped = false
    }

    private let state = Mutex(State())
    private let begun = DispatchSemaphore(value: 0)
    private let thread = Mutex<WorkerThread?>(nil)

    init(_ endpoint: Endpoint, _ request: Request) throws {
        let thread = try WorkerThread(name: "steps") { [self] in run(endpoint, request) }
        self.thread.withLock { $0 = thread }
    }

    /// Returns when the first step is answered, or has failed.
    func awaitFirst() { begun.wait() }

    /// Ends after the step that is under way.
    ///
    /// - Returns: steps per second.
    /// - Throws: what ended the steps before.
    func stop() throws -> Double {
        cancel()
        let state = state.withLock { $0 }
        if let failure = state.failure { throw failure }
        guard let first = state.first, let last = state.last, last > first else {
            throw LoadFailure(description: "less than two steps were taken beside; more --seconds")
        }
        return Double(state.answers - 1) / (Double(last.nanoseconds - first.nanoseconds) / 1e9)
    }

    func cancel() {
        state.withLock { $0.isStopped = true }
        thread.withLock { $0 }?.join()
    }

    private func run(_ endpoint: Endpoint, _ request: Request) {
        do {
            let exchange = try Exchange(endpoint)
            while !state.withLock({ $0.isStopped }) {
                _ = try exchange.perform(request)
                note(MonotonicClock.now())
            }
        } catch {
            state.withLock { $0.failure = error }
            begun.signal()
        }
    }

    private func note(_ now: Instant) {
        let isFirst = state.withLock { state in
            state.answers += 1
            state.last = now
            if state.first == nil { state.first = now }
            return state.answers == 1
        }
        if isFirst { begun.signal() }
    }
}
