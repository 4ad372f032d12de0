#if DEBUG
import Glibc
import Synchronization

/// Makes a chosen system call fail without being made, so that tests reach the branches that a
/// healthy machine never takes. Debug builds only.
///
/// A rule holds for one descriptor, or for the calls of the thread that set it, because tests of
/// one process run side by side.
package enum ForcedErrno {
    package enum Scope: Hashable, Sendable {
        case descriptor(Int32)
        case thisThread
        /// Only for a process that is there to be disturbed.
        case anywhere
    }

    private struct Rule {
        let token: UInt64
        let call: SystemCall
        let descriptor: Int32?
        let thread: UInt?
        let error: Errno
        /// Matching calls that are let through first.
        var spared = 0
        var remaining: Int
    }

    private struct Rules {
        var nextToken: UInt64 = 0
        var active: [Rule] = []
    }

    private static let rules = Mutex(Rules())
    private static let armed = Atomic<Int>(0)

    /// Fails the next `times` matching calls with `error` while `body` runs.
    @discardableResult
    package static func during<Answer>(
        _ call: SystemCall, _ error: Errno, scope: Scope = .thisThread, times: Int = .max,
        _ body: () throws -> Answer
    ) rethrows -> Answer {
        let token = add(call, error, scope, times)
        defer { remove(token) }
        return try body()
    }

    /// Fails every matching call of the process after the first `spared`.
    package static func always(_ call: SystemCall, _ error: Errno, after spared: Int) {
        _ = add(call, error, .anywhere, .max, sparing: spared)
    }

    private static func add(
        _ call: SystemCall, _ error: Errno, _ scope: Scope, _ times: Int, sparing spared: Int = 0
    ) -> UInt64 {
        var descriptor: Int32?
        var thread: UInt?
        switch scope {
        case .descriptor(let number): descriptor = number
        case .thisThread: thread = UInt(pthread_self())
        case .anywhere: break
        }
        armed.add(1, ordering: .sequentiallyConsistent)
        return rules.withLock { rules in
            rules.nextToken += 1
            rules.active.append(
                Rule(
                    token: rules.nextToken, call: call, descriptor: descriptor, thread: thread,
                    error: error, spared: spared, remaining: times))
            return rules.nextToken
        }
    }

    private static func remove(_ token: UInt64) {
        rules.withLock { $0.active.removeAll { $0.token == token } }
        armed.subtract(1, ordering: .sequentiallyConsistent)
    }

    static func next(for call: SystemCall, on descriptor: Int32) -> Errno? {
        guard armed.load(ordering: .relaxed) != 0 else { return nil }
        let thread = UInt(pthread_self())
        return rules.withLock { rules in
            let index = rules.active.firstIndex { rule in
                rule.call == call && rule.remaining > 0
                    && (rule.descriptor == descriptor || rule.thread == thread
                        || (rule.descriptor == nil && rule.thread == nil))
            }
            guard let index else { return nil }
            guard rules.active[index].spared == 0 else {
                rules.active[index].spared -= 1
                return nil
            }
            rules.active[index].remaining -= 1
            return rules.active[index].error
        }
    }
}
#endif
