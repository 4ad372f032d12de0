import Synchronization
import SystemIO

/// Permanent compute workers that share jobs of many tiles.
///
/// A job is a counter over its tiles. A worker claims a few of them, works them off, and then
/// looks at the job that has waited longest: a step on 100 million parameters delays one on ten
/// thousand by a few tiles and not by a whole pass. Whoever finishes a job's last tile calls its
/// completion. Tiles and completions cannot fail and must not wait for other jobs.
package final class LanePool: Sendable {
    package let laneCount: Int
    private let floor: WorkFloor

    /// Tiles a worker claims at a time. A tile is about 50 µs of work, so the lock around the
    /// claim is not felt; more at a time would only make small jobs wait longer.
    static let tilesPerClaim = 2

    /// Steps on at most so many elements are not worth handing over. Measured with two lanes on
    /// AVX2: going to the lanes and back costs 15 to 25 µs, and stepping 32 768 F32 parameters
    /// takes 20 µs, so up to here a step delays its event loop by no more than it saves.
    package static let inlineElementCount = 32_768

    /// The same where nobody is held up. Handing two tiles to the lanes gains at most 30 µs of
    /// their 70, and loses more where the other cores are busy; from here on it gains for sure.
    package static let loneInlineElementCount = 131_072

    /// - Parameter laneCount: workers, at least 1.
    package init(laneCount: Int) throws(Errno) {
        self.laneCount = max(1, laneCount)
        let floor = WorkFloor()
        self.floor = floor
        do {
            for lane in 0..<self.laneCount {
                // The thread lives until the pool goes; nobody needs to join it.
                _ = try WorkerThread(name: "lane-\(lane)") { floor.work() }
            }
        } catch {
            floor.close()
            throw error
        }
    }

    /// Calls `tile` once with every number in 0 ..< `tiles`, in any order on any lanes, then
    /// `completion` on the lane that was last. Everything the tiles wrote is visible to it.
    package func run(
        tiles: Int, _ tile: @escaping @Sendable (Int) -> Void,
        then completion: @escaping @Sendable () -> Void
    ) {
        guard tiles > 0 else { return submit(completion) }
        floor.add(LaneJob(tileCount: tiles, tile: tile, completion: completion))
    }

    /// Calls `work` once on some lane.
    package func submit(_ work: @escaping @Sendable () -> Void) {
        floor.add(LaneJob(tileCount: 1, tile: { _ in work() }, completion: {}))
    }

    /// Calls `tile` once with every number in 0 ..< `tiles`, on this thread and on lanes that are
    /// free, and returns when all calls have returned. It waits for tiles that lanes have begun,
    /// never for a lane to be free.
    package func share(tiles: Int, _ tile: @escaping @Sendable (Int) -> Void) {
        guard tiles > 0 else { return }
        let job = SharedJob(tileCount: tiles, tile: tile)
        let helpers = min(laneCount, tiles - 1)
        if helpers > 0 {
            let help: @Sendable (Int) -> Void = { _ in job.help() }
            floor.add(LaneJob(tileCount: helpers, tile: help, completion: {}))
        }
        job.finish()
    }

    /// The workers finish what was given to them and end.
    deinit {
        floor.close()
    }
}

private final class LaneJob: Sendable {
    let tileCount: Int
    let tile: @Sendable (Int) -> Void
    let completion: @Sendable () -> Void
    private let finished = Atomic(0)

    init(
        tileCount: Int, tile: @escaping @Sendable (Int) -> Void,
        completion: @escaping @Sendable () -> Void
    ) {
        self.tileCount = tileCount
        self.tile = tile
        self.completion = completion
    }

    func perform(_ tiles: Range<Int>) {
        for number in tiles { tile(number) }
        // Each worker releases its writes here; the last one acquires those of all others.
        let done = finished.add(tiles.count, ordering: .acquiringAndReleasing).newValue
        if done == tileCount { completion() }
    }
}

/// A job whose giver works on it too, and waits for its end.
private final class SharedJob: Sendable {
    private let tileCount: Int
    private let tile: @Sendable (Int) -> Void
    private let firstUnclaimed = Atomic(0)
    private let finished = Atomic(0)
    private let end = Semaphore()

    init(tileCount: Int, tile: @escaping @Sendable (Int) -> Void) {
        self.tileCount = tileCount
        self.tile = tile
    }

    /// Works until every tile is claimed. Whoever finds none left touches nothing of the giver's.
    func help() {
        if work() { end.signal() }
    }

    /// The same for the giver; returns when every tile is finished.
    func finish() {
        if !work() { end.wait() }
    }

    /// - Returns: whether this finished the last tile. Each worker releases its writes here, and
    ///   the one who is told so acquires those of all others.
    private func work() -> Bool {
        var count = 0
        while true {
            let number = firstUnclaimed.add(1, ordering: .relaxed).oldValue
            guard number < tileCount else { break }
            tile(number)
            count += 1
        }
        guard count > 0 else { return false }
        return finished.add(count, ordering: .acquiringAndReleasing).newValue == tileCount
    }
}

/// The jobs with unclaimed tiles and the workers that sleep because there are none.
private final class WorkFloor: Sendable {
    private let line = Mutex(JobLine())
    private let wakeUp = Semaphore()

    func add(_ job: LaneJob) {
        wakeUp.signal(line.withLock { $0.add(job) })
    }

    func close() {
        wakeUp.signal(line.withLock { $0.close() })
    }

    func work() {
        while true {
            switch line.withLock({ $0.assign() }) {
            case .claim(let job, let tiles): job.perform(tiles)
            case .sleep: wakeUp.wait()
            case .end: return
            }
        }
    }
}

private struct JobLine {
    enum Assignment {
        case claim(LaneJob, Range<Int>)
        case sleep
        case end
    }

    private var jobs = FirstInFirstOut<(job: LaneJob, firstUnclaimed: Int)>()
    private var sleeperCount = 0
    private var isClosed = false

    /// - Returns: how many sleepers to wake; they count as awake from now on.
    mutating func add(_ job: LaneJob) -> Int {
        jobs.enter((job, 0))
        return wake(atMost: (job.tileCount - 1) / LanePool.tilesPerClaim + 1)
    }

    mutating func close() -> Int {
        isClosed = true
        return wake(atMost: sleeperCount)
    }

    /// The next tiles of the job that waited longest, which then goes to the end of the line.
    mutating func assign() -> Assignment {
        guard let (job, first) = jobs.leave() else {
            if isClosed { return .end }
            sleeperCount += 1
            return .sleep
        }
        let end = min(first + LanePool.tilesPerClaim, job.tileCount)
        if end < job.tileCount { jobs.enter((job, end)) }
        return .claim(job, first..<end)
    }

    private mutating func wake(atMost count: Int) -> Int {
        let woken = min(sleeperCount, count)
        sleeperCount -= woken
        return woken
    }
}
