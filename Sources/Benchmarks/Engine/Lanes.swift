import Dispatch
import Glibc
import Synchronization
import SystemIO

/// Threads that share the tiles of one phase after another: the caller's and `count` − 1 of its
/// own. Each claims the next tile from a counter until there is none.
///
/// Between phases a thread looks for the next one for a while before it sleeps, so that steps that
/// follow one another do not pay for waking threads, as with the OpenMP of torch.
final class Lanes: Sendable {
    let count: Int
    private let board: Board

    init(count: Int) throws {
        self.count = count
        let board = Board(workers: count - 1)
        self.board = board
        for worker in 0..<count - 1 {
            // The thread lives until the lanes go; nobody needs to join it.
            _ = try WorkerThread(name: "lane-\(worker + 1)") { board.work(worker) }
        }
    }

    /// Calls `tile` once with every number in 0 ..< `tiles`, and returns when all have returned.
    func run(_ tiles: Int, _ tile: @escaping @Sendable (Int) -> Void) {
        guard count > 1, tiles > 1 else {
            for number in 0..<tiles { tile(number) }
            return
        }
        let phase = Phase(tiles: tiles, tile)
        board.publish(phase)
        phase.work()
        while !phase.isFinished { sched_yield() }
    }

    deinit { board.publish(nil) }
}

/// The tiles of one phase.
private final class Phase: Sendable {
    private let tiles: Int
    private let tile: @Sendable (Int) -> Void
    private let claimed = Atomic(0)
    private let finished = Atomic(0)

    init(tiles: Int, _ tile: @escaping @Sendable (Int) -> Void) {
        self.tiles = tiles
        self.tile = tile
    }

    /// Each thread releases its writes here; whoever sees that all are finished acquires them.
    var isFinished: Bool { finished.load(ordering: .acquiring) == tiles }

    func work() {
        while true {
            let number = claimed.add(1, ordering: .relaxed).oldValue
            guard number < tiles else { return }
            tile(number)
            finished.add(1, ordering: .releasing)
        }
    }
}

/// Where the phase that is to be worked on is announced.
private final class Board: Sendable {
    private enum Notice {
        case phase(Phase)
        case end
    }

    private let notice = Mutex<Notice?>(nil)
    /// How many notices there have been.
    private let number = Atomic(0)
    private let workers: [Worker]

    private final class Worker: Sendable {
        let isAsleep = Atomic(false)
        let wakeUp = DispatchSemaphore(value: 0)
    }

    /// Longer than what lies between two phases of a step, and shorter than what a processor's
    /// other users would mind.
    private static let watchNanoseconds: UInt64 = 200_000

    init(workers count: Int) {
        workers = (0..<count).map { _ in Worker() }
    }

    /// - Parameter phase: nil ends the workers.
    func publish(_ phase: Phase?) {
        notice.withLock { $0 = phase.map { .phase($0) } ?? .end }
        number.add(1, ordering: .sequentiallyConsistent)
        for worker in workers
        where worker.isAsleep.exchange(false, ordering: .sequentiallyConsistent) {
            worker.wakeUp.signal()
        }
    }

    func work(_ worker: Int) {
        var seen = 0
        while true {
            seen = awaitNotice(after: seen, workers[worker])
            switch notice.withLock({ $0 }) {
            case .phase(let phase): phase.work()
            case .end: return
            case nil: break
            }
        }
    }

    private func awaitNotice(after seen: Int, _ worker: Worker) -> Int {
        let end = MonotonicClock.now().advanced(byNanoseconds: Self.watchNanoseconds)
        while MonotonicClock.now() < end {
            let current = number.load(ordering: .acquiring)
            if current != seen { return current }
            sched_yield()
        }
        worker.isAsleep.store(true, ordering: .sequentiallyConsistent)
        let current = number.load(ordering: .sequentiallyConsistent)
        // Who takes the flag back knows that nobody signals; otherwise the signal is under way.
        if current != seen,
            worker.isAsleep.exchange(false, ordering: .sequentiallyConsistent) { return current }
        worker.wakeUp.wait()
        return number.load(ordering: .acquiring)
    }
}
