import Synchronization
import SystemIO

/// Which lines of a kind are logged when there are more than anybody reads: the first of each
/// second.
final class LineSampler: Sendable {
    private struct State {
        var secondEnds = Instant.distantPast
        var left = 0
        /// Since the last one that was logged.
        var unlogged = 0
    }

    private let perSecond: Int
    private let state = Mutex(State())

    init(perSecond: Int) {
        self.perSecond = perSecond
    }

    /// - Returns: how many were left out before this one; nil: it is left out too.
    func admit(_ now: Instant) -> Int? {
        state.withLock { state in
            if now >= state.secondEnds {
                state.secondEnds = now + .seconds(1)
                state.left = perSecond
            }
            guard state.left > 0 else {
                state.unlogged += 1
                return nil
            }
            state.left -= 1
            defer { state.unlogged = 0 }
            return state.unlogged
        }
    }

    /// Left out since the last one that was logged.
    var unlogged: Int { state.withLock { $0.unlogged } }
}
