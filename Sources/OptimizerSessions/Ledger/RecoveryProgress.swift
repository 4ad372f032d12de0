import Synchronization

/// How far the sessions of an earlier process are rebuilt. Read from any thread.
package final class RecoveryProgress: Sendable {
    private enum Stage {
        case idle
        case underWay(done: Int, total: Int)
        case done
    }

    private let stage: Mutex<Stage>

    /// - Parameter isNeeded: whether there is anything to wait for.
    init(isNeeded: Bool) {
        stage = Mutex(isNeeded ? .underWay(done: 0, total: 0) : .idle)
    }

    /// Sessions rebuilt so far and in all; nil when there is nothing to wait for.
    package var underWay: (done: Int, total: Int)? {
        stage.withLock { stage in
            guard case .underWay(let done, let total) = stage else { return nil }
            return (done, total)
        }
    }

    func begin(total: Int) { stage.withLock { $0 = .underWay(done: 0, total: total) } }

    func countOne() {
        stage.withLock { stage in
            guard case .underWay(let done, let total) = stage else { return }
            stage = .underWay(done: done + 1, total: total)
        }
    }

    func finish() { stage.withLock { $0 = .done } }
}
