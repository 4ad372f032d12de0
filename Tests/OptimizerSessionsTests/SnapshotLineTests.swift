import Dispatch
import OptimizerEngine
import SystemIO
import TensorFormats
import Testing

@testable import OptimizerSessions

@Suite struct SnapshotLineTests {
    private func request(_ onlyIfOutdated: Bool = false) -> SnapshotLine.Request {
        SnapshotLine.Request(onlyIfOutdated: onlyIfOutdated) { _ in }
    }

    @Test func thoseWhoComeMeanwhileShareTheNext() {
        var line = SnapshotLine()
        var places = [line.enter(request(), limit: 2)]
        var isIdle = line.enterIfIdle()
        #expect(!isIdle)
        for onlyIfOutdated in [false, true, false] {
            places.append(line.enter(request(onlyIfOutdated), limit: 2))
        }
        #expect(places == [.first, .waits, .waits, .refused])
        var next = line.leave().map(\.onlyIfOutdated)
        #expect(next == [false, true])
        // Their snapshot is under way now.
        isIdle = line.enterIfIdle()
        #expect(!isIdle)
        places = [line.enter(request(), limit: 2)]
        #expect(places == [.waits])
        for count in [1, 0] {
            next = line.leave().map(\.onlyIfOutdated)
            #expect(next.count == count)
        }
        isIdle = line.enterIfIdle()
        #expect(isIdle)
        next = line.leave().map(\.onlyIfOutdated)
        #expect(next.isEmpty)
        places = [line.enter(request(), limit: 2)]
        #expect(places == [.first])
    }

    /// However many ask while the disk is slow, two snapshots are written and a bounded number
    /// waits.
    @Test func aFloodOfRequests() throws {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        let session = try world.session("s", try durableSample())
        try session.take(gradients(6))
        let archive = try #require(world.store.archive)
        let gate = DispatchSemaphore(value: 0)
        archive.librarian.async { gate.wait() }
        let inUse = world.pool.inUseBytes
        let answers = Collected<Result<SnapshotReference?, SessionError>>()
        let flood = 500
        for _ in 0..<flood { session.snapshot { answers.add($0) } }
        let limit = world.store.limits.waitingPerSession
        let refused = answers.wait(for: flood - 1 - limit)
        #expect(refused.count == flood - 1 - limit)
        for answer in refused {
            #expect(throws: SessionError.queueFull(limit: limit)) { try answer.get() }
        }
        #expect(world.pool.inUseBytes - inUse <= 4096)
        // The session itself goes on, and who waits gets a state that is not older than the
        // request.
        try session.take(gradients(6))
        gate.signal()
        let all = answers.wait(for: flood)
        #expect(try all[refused.count].get()?.step == 1)
        for answer in all[(refused.count + 1)...] { #expect(try answer.get()?.step == 2) }
        #expect(try directory.files(of: "s", "snapshot-").count == 2)
    }

    /// A drain that finds a snapshot under way waits for it, and takes another only for what has
    /// changed since.
    @Test(arguments: [false, true])
    func aDrainDuringASnapshot(_ changes: Bool) throws {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        let session = try world.session("s", try durableSample())
        try session.take(gradients(6))
        let gate = DispatchSemaphore(value: 0)
        try #require(world.store.archive).librarian.async { gate.wait() }
        let answers = Collected<Result<SnapshotReference?, SessionError>>()
        session.snapshot { answers.add($0) }
        if changes { try session.take(gradients(6)) }
        session.snapshotIfOutdated { answers.add($0) }
        gate.signal()
        let steps = try answers.wait(for: 2).map { try $0.get()?.step }
        #expect(steps == [1, changes ? 2 : nil])
    }

    @Test func aDeletedSessionAnswersAll() throws {
        let world = try World(directory: try TemporaryDirectory())
        let session = try world.session("s", try durableSample())
        let gate = DispatchSemaphore(value: 0)
        try #require(world.store.archive).librarian.async { gate.wait() }
        let answers = Collected<Result<SnapshotReference?, SessionError>>()
        for _ in 0..<10 { session.snapshot { answers.add($0) } }
        let removed = Collected<Bool>()
        world.store.remove("s") { removed.add((try? $0.get()) != nil) }
        gate.signal()
        #expect(removed.wait(for: 1) == [true])
        // The first was taken; the others come after the session.
        let outcomes = answers.wait(for: 10).map { (try? $0.get()) != nil }
        #expect(outcomes == [true] + Array(repeating: false, count: 9))
    }

    /// Revisions fill the log as steps do.
    @Test func changesOfSettingsLeadToASnapshotToo() throws {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        let names = (0..<4000).map { "\(String(repeating: "n", count: 100))\($0)" }
        let layout = try TensorLayout(
            names.map {
                try TensorDescription(name: $0, dtype: ElementType.f32.dtype, shape: [])
            })
        let slab = try Slab([0], .f32)
        var specification = SessionSpecification(
            settings: SessionSettings(groups: names.map { GroupSettings(name: $0, params: [$0]) }),
            layout: layout,
            parameters: names.map { _ in TensorPlace(slab: slab, byteOffset: 0, type: .f32) })
        specification.durability = .log
        let session = try world.session("s", specification)
        for _ in 0..<60 { try session.change { $0.defaults[.lr] = 0.25 } }
        try #require(world.store.archive).librarian.sync {}
        #expect(try directory.files(of: "s", "snapshot-").count > 1)
    }
}
