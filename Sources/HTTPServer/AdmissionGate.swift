import Synchronization

/// Counts the connections of all loops against the limit.
final class AdmissionGate: Sendable {
    private struct State {
        var inside = 0
        var waiters: [@Sendable () -> Void] = []
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    /// How many have entered and not left.
    var inside: Int { state.withLock { $0.inside } }

    func enter() -> Bool {
        state.withLock { state in
            guard state.inside < limit else { return false }
            state.inside += 1
            return true
        }
    }

    func leave() {
        let waiters = state.withLock { state in
            state.inside -= 1
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter() }
    }

    /// Calls `waiter` once there is a free place, at once when there is one now.
    func callWhenFree(_ waiter: @escaping @Sendable () -> Void) {
        let isFree = state.withLock { state in
            if state.inside < limit { return true }
            state.waiters.append(waiter)
            return false
        }
        if isFree { waiter() }
    }
}
