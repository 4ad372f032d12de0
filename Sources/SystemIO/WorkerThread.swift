import CLinux
import Glibc
import Synchronization

/// A named thread of the system that runs one closure to its end.
///
/// `join` waits for it; a thread that nobody joined is let go when the object goes.
package final class WorkerThread: Sendable {
    private enum State {
        case running(pthread_t)
        case joined
    }

    private let state: Mutex<State>

    /// - Parameter name: what `top -H` and debuggers show; the kernel keeps 15 bytes of it.
    package init(name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
        var thread = pthread_t()
        do throws(Errno) {
            // pthread_create answers with the error instead of leaving it in errno.
            try check(.threadCreate) { () -> Int32 in
                let code = pthread_create(
                    &thread, nil,
                    { argument in
                        guard let argument else { return nil }
                        Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().run()
                        return nil
                    }, start.toOpaque())
                if code != 0 { errno = code }
                return code == 0 ? 0 : -1
            }
        } catch {
            start.release()
            throw error
        }
        state = Mutex(.running(thread))
    }

    /// Returns once the closure has returned. Calling it again returns at once.
    package func join() {
        let thread: pthread_t? = state.withLock { state in
            guard case .running(let thread) = state else { return nil }
            state = .joined
            return thread
        }
        if let thread { pthread_join(thread, nil) }
    }

    deinit {
        state.withLock { state in
            if case .running(let thread) = state { pthread_detach(thread) }
        }
    }
}

private final class ThreadStart: Sendable {
    private let name: String
    private let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }

    func run() {
        // A name is a courtesy to whoever looks at the process; without one the thread works too.
        _ = clinux_name_this_thread(String(decoding: name.utf8.prefix(15), as: UTF8.self))
        body()
    }
}
