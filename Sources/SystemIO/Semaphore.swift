import CLinux

/// A counting semaphore that lets several waiters go at once.
///
/// Where each of several threads is woken by a call of its own, the first one may take the caller's
/// processor between two calls: it then does all of the work, beside processors that are idle.
package final class Semaphore: Sendable {
    /// Invariant: one word, touched by the functions of `CLinux` alone.
    nonisolated(unsafe) private let permits: UnsafeMutablePointer<UInt32>

    package init() {
        permits = .allocate(capacity: 1)
        permits.initialize(to: 0)
    }

    deinit { permits.deallocate() }

    /// Lets `count` calls of `wait` return, now or later. What was written before it is seen there.
    package func signal(_ count: Int = 1) {
        guard count > 0 else { return }
        clinux_semaphore_post(permits, UInt32(count))
    }

    package func wait() {
        clinux_semaphore_wait(permits)
    }
}
