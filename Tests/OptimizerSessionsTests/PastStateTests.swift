import Dispatch
import OptimizerEngine
import SystemIO
import Testing

@testable import OptimizerSessions

/// Earlier steps, rebuilt from snapshots and log.
@Suite struct PastStateTests {
    private func export(_ session: Session, _ step: Int) throws -> [UInt8] {
        let export = try wait { session.exportState(step: step, completion: $0) }
        return Array(export.slab.bytes[..<export.byteCount])
    }

    /// Every step as it was exported when it was the current one, the last time the session stood
    /// there: revisions and imports included, which set the step back.
    @Test(arguments: ElementType.allCases, [0, 1, 4])
    func everyStepIsRebuilt(_ type: ElementType, _ snapshotEvery: Int) throws {
        let directory = try TemporaryDirectory()
        let history = History(type: type)
        var states: [Int: [UInt8]] = [:]
        func check(_ world: World) throws {
            let session = try world.store.session(named: "s")
            let current = Set(states.keys)
            #expect(current.count >= 6)
            let wrong = try current.filter { try export(session, $0) != states[$0] }
            #expect(wrong == [])
            for step in current {
                let name = "fork\(step)"
                let fork = try world.fork("s", step: step, as: name)
                #expect(fork.description.step == step)
                #expect(try world.store.session(named: name).state() == states[step])
                try world.remove(name)
            }
        }
        do {
            let world = try World(directory: directory)
            let session = try world.session("s", try history.specification())
            states[0] = try session.state()
            for (index, event) in history.events.enumerated() {
                try event(world, session)
                states[session.tag.step] = try session.state()
                if snapshotEvery > 0, index % snapshotEvery == 0 {
                    _ = try wait { session.snapshot(completion: $0) }
                }
            }
            // Steps of the timeline that the import left are there too, and are not in `states`.
            try check(world)
        }
        try check(World(directory: directory))
    }

    /// A client that asks for more rebuilds than may wait is refused, and nobody else for ever.
    @Test func rebuildsWaitWithinABound() throws {
        let world = try World(directory: try TemporaryDirectory()) { $0.waitingPerSession = 1000 }
        let session = try world.session("s", try durableSample())
        for seed in 1...3 { try session.take(gradients(6, seed: seed)) }
        let answers = Collected<Result<StateExport, SessionError>>()
        let asked = 4 * Archive.rebuildLimit
        let blocker = DispatchSemaphore(value: 0)
        let archive = try #require(world.store.archive)
        #expect(archive.rebuild { blocker.wait() })
        for _ in 0..<asked { session.exportState(step: 1) { answers.add($0) } }
        let expected = asked - (Archive.rebuildLimit - 1)
        _ = answers.wait(for: expected)
        blocker.signal()
        let refused = answers.wait(for: asked).count {
            if case .failure(.queueFull(Archive.rebuildLimit)) = $0 { true } else { false }
        }
        #expect(refused == expected)
        _ = try export(session, 1)
    }

    /// The import goes back from step 8 to 6: 7 and 8 are of the timeline after it once it has
    /// come that far, and of the one before it until then.
    @Test func theLatestTimelineCounts() throws {
        let world = try World(directory: try TemporaryDirectory())
        let session = try world.session("s", try durableSample())
        try session.take(gradients(6, seed: 1))
        let first = try session.state()
        try session.take(gradients(6, seed: 2))
        let abandoned = try session.state()
        try session.take(gradients(6, seed: 3))
        let end = try session.state()
        try world.importState(first, as: "s")
        #expect(try export(session, 2) == abandoned)
        #expect(try export(session, 3) == end)
        try session.take(gradients(6, seed: 4))
        let taken = try session.state()
        #expect(taken != abandoned)
        #expect(try export(session, 2) == taken)
        #expect(try export(session, 3) == end)
        #expect(try export(session, 1) == first)
    }

    /// What a revision changed before the next step belongs to the step before it.
    @Test func revisionsBelongToTheStepBefore() throws {
        let world = try World(directory: try TemporaryDirectory())
        let session = try world.session("s", try durableSample())
        try session.take(gradients(6, seed: 1))
        try session.change { $0.defaults[.lr] = 0.25 }
        let place = TensorPlace(slab: try Slab([7, 8], .f32), byteOffset: 0, type: .f32)
        _ = try wait { session.writeParameters([place, nil], completion: $0) }
        let revised = try session.state()
        try session.take(gradients(6, seed: 2))
        #expect(try export(session, 1) == revised)
    }

    @Test func whatIsNotCoveredNamesTheOldestStep() throws {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        let session = try world.session("s", try durableSample())
        for seed in 1...6 {
            try session.take(gradients(6, seed: seed))
            if seed % 2 == 0 { _ = try wait { session.snapshot(completion: $0) } }
        }
        // Snapshots stand at 4 and 6 now.
        for step in [-1, 0, 3, 7, 100] {
            let error = SessionError.unknownStep(asked: step, current: session.tag, oldest: 4)
            #expect(throws: error) { _ = try export(session, step) }
            #expect(throws: error) { try world.fork("s", step: step, as: "t") }
        }
        #expect(try StateImport(try export(session, 4)).step == 4)
        #expect(try StateImport(try export(session, 5)).step == 5)
        let memory = try world.session("m", .sample())
        try memory.take(gradients(6))
        let error = SessionError.unknownStep(asked: 0, current: memory.tag, oldest: nil)
        #expect(throws: error) { _ = try export(memory, 0) }
    }

    @Test(arguments: [(nil, 0, 6), (nil, 5, 2), (3, 0, 4), (0, 5, 6), (1000, 0, 0)])
    func retainedStepsStayWithinReach(_ own: Int?, _ service: Int, _ oldest: Int) throws {
        let world = try World(directory: try TemporaryDirectory()) {
            $0.retainedSteps = service
        }
        let session = try world.session("s", try durableSample(retainSteps: own))
        for seed in 1...8 {
            try session.take(gradients(6, seed: seed))
            if seed % 2 == 0 { _ = try wait { session.snapshot(completion: $0) } }
        }
        #expect(try StateImport(try export(session, oldest)).step == oldest)
        let error = SessionError.unknownStep(asked: -1, current: session.tag, oldest: oldest)
        #expect(throws: error) { _ = try export(session, -1) }
    }

    @Test func damageOnTheWayIsSaid() throws {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        let session = try world.session("s", try durableSample())
        for seed in 1...3 { try session.take(gradients(6, seed: seed)) }
        let snapshot = try directory.files(of: "s", "snapshot-")[0]
        try directory.damage(snapshot) { $0[200] ^= 1 }
        let error = #expect(throws: SessionError.self) { _ = try export(session, 1) }
        guard case .unknownStep(1, _, _, let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason?.contains("snapshot-") ?? false)
        try session.take(gradients(6))
    }

    /// Rebuilding reads what was complete when it was asked for, whatever is written meanwhile.
    @Test func theSessionGoesOnMeanwhile() throws {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        let session = try world.session("s", try durableSample(retainSteps: 1000))
        try session.take(gradients(6, seed: 1))
        let first = try session.state()
        let answers = Collected<[UInt8]?>()
        for seed in 2...60 {
            session.exportState(step: 1) { result in
                answers.add(
                    (try? result.get()).map { Array($0.slab.bytes[..<$0.byteCount]) })
            }
            try session.take(gradients(6, seed: seed))
            if seed % 10 == 0 { _ = try wait { session.snapshot(completion: $0) } }
        }
        #expect(answers.wait(for: 59).allSatisfy { $0 == first })
    }
}
