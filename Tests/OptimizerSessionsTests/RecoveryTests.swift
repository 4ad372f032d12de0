import OptimizerEngine
import SystemIO
import Testing

@testable import OptimizerSessions

@Suite struct RecoveryTests {
    /// Sessions of every type with everything that can happen to one, found again byte by byte by
    /// a world with other lanes, whether from the log alone or with snapshots between.
    @Test(arguments: ElementType.allCases, [(1, 0), (3, 0), (2, LanePool.inlineElementCount)])
    func sessionsAreFoundAsTheyWere(_ type: ElementType, _ work: (lanes: Int, inline: Int)) throws {
        let directory = try TemporaryDirectory()
        let history = History(type: type)
        func live() throws -> [String: Portrait] {
            let world = try World(directory: directory)
            let log = try world.session("log", try history.specification())
            try history.happen(in: world, to: log)
            let one = try world.session("one", try history.specification())
            try history.happen(in: world, to: one) { $0 == 6 }
            let many = try world.session("many", try history.specification())
            try history.happen(in: world, to: many) { $0 % 2 == 0 }
            try world.fork("log", as: "fork")
            try world.store.session(named: "fork").take(try history.whole(3, key: "f", loss: 1))
            try world.fork("one", step: 2, as: "past")
            try world.importState(try many.state(), as: "import")
            try world.create("gone", try history.specification())
            try world.remove("gone")
            try world.create("memory", try history.specification(.none))
            return try world.portraits()
        }
        var before = try live()
        #expect(before.removeValue(forKey: "memory") != nil)
        #expect(before.keys.sorted() == ["fork", "import", "log", "many", "one", "past"])
        for _ in 1...2 {
            let world = try World(lanes: work.lanes, inline: work.inline, directory: directory)
            let differences = try world.portraits().differences(from: before)
            #expect(differences == [])
            #expect(world.events.values.allSatisfy { $0.isRecovered })
            #expect(world.store.recovery.underWay == nil)
            try world.store.checkRecovered()
        }
    }

    /// A recovered session goes on as one that was never interrupted.
    @Test(arguments: ElementType.allCases, [false, true])
    func aRecoveredSessionGoesOn(_ type: ElementType, _ snapshots: Bool) throws {
        let directory = try TemporaryDirectory()
        let history = History(type: type)
        let memory = try World()
        let twin = try memory.session("s", try history.specification(.none))
        for (index, event) in history.events.enumerated() {
            let world = try World(directory: directory)
            if index == 0 { try world.create("s", try history.specification()) }
            let session = try world.store.session(named: "s")
            try event(world, session)
            try event(memory, twin)
            #expect(try session.state() == twin.state(), "event \(index)")
            #expect(session.tag == twin.tag)
            if snapshots { world.store.snapshotAll(until: MonotonicClock.now() + .seconds(60)) }
        }
    }

    @Test func keysAndReceiptsOutliveTheProcess() throws {
        let directory = try TemporaryDirectory()
        let history = History(type: .f32)
        func live() throws -> (StepOutcome, state: [UInt8]) {
            let world = try World(directory: directory)
            let session = try world.session("s", try history.specification())
            let outcome = try session.take(try history.whole(1, key: "k", loss: 0.25))
            return (outcome, try session.state())
        }
        let (outcome, state) = try live()
        let world = try World(directory: directory)
        let session = try world.store.session(named: "s")
        var request = try history.whole(1, key: "k", loss: 0.25)
        request.reply = .vector(.f64)
        let replayed = try session.take(request)
        #expect(replayed.isReplayed && replayed.tag == outcome.tag && replayed.applied)
        #expect(replayed.gradNorm == outcome.gradNorm && replayed.clipCoef == outcome.clipCoef)
        #expect(replayed.loss == 0.25 && replayed.lr.map(\.lr) == outcome.lr.map(\.lr))
        #expect(try replayed.output?.doubles == session.parameters())
        #expect(try session.state() == state)
        #expect(try session.receipt(step: 1, generation: 1).gradNorm == outcome.gradNorm)
        request.key = IdempotencyKey(text: "k", fingerprint: [UInt8](repeating: 1, count: 32))
        #expect(throws: SessionError.idempotencyKeyReused) { try session.take(request) }
    }

    /// Asking again for what was made before a restart finds it.
    @Test func originsOutliveTheProcess() throws {
        let directory = try TemporaryDirectory()
        let history = History(type: .bf16)
        func live() throws {
            let world = try World(directory: directory)
            let session = try world.session("s", try history.specification())
            try session.take(try history.whole(1, key: nil, loss: nil))
            try world.fork("s", step: 0, as: "fork")
            try world.importState(try session.state(), as: "import")
        }
        try live()
        let world = try World(directory: directory)
        #expect(try world.create("s", try history.specification()).kind == .repeated)
        #expect(try world.fork("s", step: 0, as: "fork").kind == .repeated)
        var other = try history.specification()
        other.settings.policy.maxGradNorm = 4
        #expect(throws: SessionError.self) { try world.create("s", other) }
        #expect(throws: SessionError.self) { try world.fork("s", step: 1, as: "fork") }
        #expect(throws: SessionError.self) { try world.create("import", other) }
    }

    @Test func snapshotsAreTakenWhereSomethingHasChanged() throws {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        let session = try world.session("s", try durableSample())
        func snapshotAll() throws -> Int {
            world.store.snapshotAll(until: MonotonicClock.now() + .seconds(60))
            return try directory.files(of: "s", "snapshot-").count
        }
        #expect(try snapshotAll() == 1)
        try session.take(gradients(6))
        #expect(try snapshotAll() == 2)
        #expect(try snapshotAll() == 2)
        let asked = try wait { session.snapshot(completion: $0) }
        #expect(asked == SnapshotReference(position: 1, step: 1))
        try world.create("memory", .sample())
        let memory = try world.store.session(named: "memory")
        #expect(try wait { memory.snapshot(completion: $0) } == nil)
    }

    /// A log that outweighs the state is cut short by itself, and the start is none the slower.
    @Test func aLongLogIsCutShort() throws {
        let directory = try TemporaryDirectory()
        func live() throws -> [UInt8] {
            let world = try World(directory: directory)
            var specification = try SessionSpecification.sample(shapes: [[300_000]])
            specification.durability = .log
            let session = try world.session("s", specification)
            for seed in 1...30 { try session.take(gradients(300_000, seed: seed)) }
            return try session.state()
        }
        let state = try live()
        // The claim is free once the last snapshot is written.
        _ = try directory.claim().path
        #expect(try directory.files(of: "s", "snapshot-").count == 2)
        #expect(try directory.files(of: "s", "log-").count <= 2)
        let world = try World(directory: directory)
        #expect(try world.store.session(named: "s").state() == state)
    }
}

extension ArchiveEvent {
    var isRecovered: Bool { if case .recovered = self { true } else { false } }
}
