import Dispatch
import Synchronization
import Testing

@testable import OptimizerSessions

@Suite struct LanePoolTests {
    @Test(arguments: [1, 2, 5])
    func everyTileRunsOnceBeforeTheCompletion(_ laneCount: Int) throws {
        let lanes = try LanePool(laneCount: laneCount)
        for tiles in [1, 2, 3, 64, 1001] {
            let runs = Collected<Int>()
            let seen = Collected<[Int]>()
            lanes.run(tiles: tiles, { runs.add($0) }, then: { seen.add(runs.values) })
            #expect(seen.wait(for: 1)[0].sorted() == Array(0..<tiles))
        }
    }

    @Test func aJobWithoutTilesCompletes() throws {
        let lanes = try LanePool(laneCount: 1)
        let done = Collected<Bool>()
        lanes.run(tiles: 0, { _ in done.add(false) }, then: { done.add(true) })
        #expect(done.wait(for: 1) == [true])
    }

    /// One lane, in the middle of a long job: a short one must not wait for all of it.
    @Test func aLongJobDoesNotStarveAShortOne() throws {
        let lanes = try LanePool(laneCount: 1)
        let gate = DispatchSemaphore(value: 0)
        let longTiles = Atomic(0)
        let done = Collected<(name: String, longTiles: Int)>()
        lanes.run(
            tiles: 1000,
            { tile in
                if tile == 0 { gate.wait() }
                longTiles.add(1, ordering: .relaxed)
            },
            then: { done.add(("long", longTiles.load(ordering: .relaxed))) })
        lanes.run(
            tiles: 2 * LanePool.tilesPerClaim, { _ in },
            then: { done.add(("short", longTiles.load(ordering: .relaxed))) })
        lanes.submit { done.add(("single", longTiles.load(ordering: .relaxed))) }
        gate.signal()
        let order = done.wait(for: 3)
        #expect(order.map(\.name) == ["single", "short", "long"])
        #expect(order[1].longTiles <= 3 * LanePool.tilesPerClaim)
    }

    @Test(arguments: [1, 2, 5])
    func aSharedJobReturnsWhenAllItsTilesHave(_ laneCount: Int) throws {
        let lanes = try LanePool(laneCount: laneCount)
        for tiles in [0, 1, 2, 3, 64, 1001] {
            let runs = Collected<Int>()
            lanes.share(tiles: tiles) { runs.add($0) }
            #expect(runs.values.sorted() == Array(0..<tiles))
        }
    }

    /// The giver does all of it when no lane is free.
    @Test func aSharedJobWaitsForNoLane() throws {
        let lanes = try LanePool(laneCount: 1)
        let gate = DispatchSemaphore(value: 0)
        let done = Collected<Bool>()
        lanes.submit {
            gate.wait()
            done.add(true)
        }
        let runs = Collected<Int>()
        lanes.share(tiles: 50) { runs.add($0) }
        #expect(runs.values == Array(0..<50))
        #expect(done.values.isEmpty)
        gate.signal()
        #expect(done.wait(for: 1) == [true])
        // The lane comes to the shared job when that is long over.
        lanes.submit { done.add(false) }
        #expect(done.wait(for: 2) == [true, false])
        #expect(runs.values == Array(0..<50))
    }

    @Test func sharedJobsFromManyThreads() throws {
        let lanes = try LanePool(laneCount: 3)
        let sum = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<500 {
                let own = Atomic(0)
                lanes.share(tiles: 7) { own.add($0, ordering: .relaxed) }
                sum.add(own.load(ordering: .relaxed), ordering: .relaxed)
            }
        }
        #expect(sum.load(ordering: .relaxed) == 2000 * 21)
    }

    @Test func jobsFromManyThreads() throws {
        let lanes = try LanePool(laneCount: 3)
        let sum = Atomic(0)
        let done = Collected<Void>()
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<200 {
                lanes.run(
                    tiles: 7, { sum.add($0, ordering: .relaxed) }, then: { done.add(()) })
            }
        }
        _ = done.wait(for: 800)
        #expect(sum.load(ordering: .relaxed) == 800 * 21)
    }

    @Test func whatWasGivenIsDoneAlsoWhenThePoolGoes() throws {
        let done = Collected<Int>()
        do {
            let lanes = try LanePool(laneCount: 2)
            for number in 0..<100 { lanes.submit { done.add(number) } }
        }
        #expect(done.wait(for: 100).sorted() == Array(0..<100))
    }
}
