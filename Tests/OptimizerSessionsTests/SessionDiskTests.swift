#if DEBUG
import Foundation
import OptimizerEngine
import SystemIO
import Testing

@testable import OptimizerSessions

/// What sessions do while their disk is full or broken, and after.
@Suite struct SessionDiskTests {
    private func descriptor(_ directory: TemporaryDirectory) throws -> Int32 {
        let numbers = try Directory.names(in: "/proc/self/fd").filter { number in
            // A descriptor of another test may have been closed since its number was read.
            let target = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/self/fd/\(number)")
            return target.map { $0.hasPrefix(directory.path) && $0.contains("/log-") } ?? false
        }
        #expect(numbers.count == 1)
        return try #require(numbers.first.flatMap { Int32($0) })
    }

    private func isFull(_ error: SessionError?) -> Bool {
        if case .logFull? = error { true } else { false }
    }

    private func isFailed(_ error: SessionError?) -> Bool {
        if case .logFailed? = error { true } else { false }
    }

    /// Every change is refused and none is made; reads go on, and so does everything once there
    /// is room.
    @Test func aFullDiskRefusesChanges() throws {
        let directory = try TemporaryDirectory()
        let history = History(type: .bf16)
        let state: [UInt8]
        do {
            let world = try World(directory: directory)
            let session = try world.session("s", try history.specification())
            try session.take(try history.whole(1, key: nil, loss: nil))
            let before = try Portrait(session)
            let file = try session.state()
            let place = TensorPlace(slab: try Slab([1, 2, 3], .f32), byteOffset: 0, type: .f32)
            let log = try descriptor(directory)
            try ForcedErrno.during(.fileWrite, .noSpace, scope: .descriptor(log)) { () throws in
                let changes: [() throws -> Void] = [
                    { try session.take(try history.whole(2, key: "k", loss: nil)) },
                    { try session.take(try history.whole(2, key: "k", loss: nil)) },
                    { try session.take([Double](repeating: .nan, count: 12)) },
                    { try session.change { $0.defaults[.amsgrad] = true } },
                    { _ = try wait { session.writeParameters([place, nil, nil], completion: $0) } },
                    { try world.importState(file, as: "s") },
                ]
                for (index, change) in changes.enumerated() {
                    let error = #expect(throws: SessionError.self, performing: change)
                    #expect(isFull(error), "change \(index): \(String(describing: error))")
                    #expect(try Portrait(session) == before, "change \(index)")
                    #expect(try session.parameters().count == 12)
                }
            }
            #expect(try !world.archive.health.hasFailed)
            let taken = try session.take(try history.whole(2, key: "k", loss: nil))
            #expect(!taken.isReplayed && taken.step == 2)
            state = try session.state()
        }
        let world = try World(directory: directory)
        #expect(try world.store.session(named: "s").state() == state)
        let memory = try World()
        let twin = try memory.session("s", try history.specification(.none))
        for seed in 1...2 { try twin.take(try history.whole(seed, key: nil, loss: nil)) }
        #expect(try twin.state() == state)
    }

    /// Nothing is acknowledged any more, by any session that has a log.
    @Test(arguments: [SystemCall.dataSync, .fileWrite])
    func aFailedDiskEndsAll(_ call: SystemCall) throws {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        let session = try world.session("s", try durableSample())
        try session.take(gradients(6, seed: 1))
        let acknowledged = try session.state()
        try world.create("other", try durableSample())
        let memory = try world.session("memory", .sample())
        var request = StepRequest(gradients: try .whole(gradients(6, seed: 2)))
        request.key = .sample("k")
        let log = try descriptor(directory)
        ForcedErrno.during(call, .inputOutput, scope: .descriptor(log)) {
            let error = #expect(throws: SessionError.self) { try session.take(request) }
            #expect(isFailed(error))
        }
        #expect(try world.archive.health.hasFailed)
        #expect(session.tag == SessionTag(generation: 1, step: 1))
        let other = try world.store.session(named: "other")
        let refused: [() throws -> Void] = [
            { try session.take(request) }, { _ = try session.state() },
            { _ = try session.parameters() }, { try other.take(gradients(6)) },
            { try other.change { $0.defaults[.lr] = 0.5 } }, { try world.remove("other") },
            { try world.create("new", try durableSample()) }, { try world.fork("s", as: "new") },
            { _ = try wait { other.snapshot(completion: $0) } },
        ]
        for (index, operation) in refused.enumerated() {
            let error = #expect(throws: SessionError.self, performing: operation)
            #expect(isFailed(error), "operation \(index): \(String(describing: error))")
        }
        try memory.take(gradients(6))
        let told = world.events.values.filter { if case .failed = $0 { true } else { false } }
        #expect(told.count == 1)
        try expectWholeSteps(in: directory, acknowledged)
    }

    /// The step that was not acknowledged is there wholly or not at all.
    private func expectWholeSteps(
        in directory: TemporaryDirectory, _ acknowledged: [UInt8]
    ) throws {
        let twin = try World().session("s", .sample())
        for seed in 1...2 { try twin.take(gradients(6, seed: seed)) }
        // The world that has failed keeps its claim; what lies on the disk is looked at elsewhere.
        let copy = try TemporaryDirectory(copying: directory)
        let world = try World(directory: copy)
        let session = try world.store.session(named: "s")
        #expect([acknowledged, try twin.state()].contains(try session.state()))
    }

    /// A step that had no room, then a snapshot, then room again: the log goes on.
    @Test func aSnapshotOnAFullDisk() throws {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        let session = try world.session("s", try durableSample())
        try session.take(gradients(6, seed: 1))
        #expect(try wait { session.snapshot(completion: $0) } != nil)
        try session.take(gradients(6, seed: 2))
        let log = try descriptor(directory)
        ForcedErrno.during(.fileWrite, .noSpace, scope: .descriptor(log)) {
            #expect(throws: SessionError.self) { try session.take(gradients(6, seed: 3)) }
        }
        #expect(try wait { session.snapshot(completion: $0) }?.step == 2)
        try session.take(gradients(6, seed: 3))
        #expect(session.tag.step == 3)
        #expect(try !world.archive.health.hasFailed)
    }
}

extension World {
    /// Of a world that has a directory.
    fileprivate var archive: Archive {
        get throws { try #require(store.archive) }
    }
}
#endif
