import OptimizerEngine
import SystemIO
import Testing

@testable import OptimizerSessions

/// What becomes of sessions whose files are not as they were written.
@Suite struct QuarantineTests {
    /// Two sessions of six steps; the first has a second snapshot in the middle if asked for.
    private func made(
        snapshot: Bool = false
    ) throws -> (directory: TemporaryDirectory, before: [String: Portrait]) {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        for name in ["bad", "good"] {
            let session = try world.session(name, try durableSample())
            for seed in 1...6 {
                try session.take(gradients(6, seed: seed))
                if snapshot, seed == 3 { _ = try wait { session.snapshot(completion: $0) } }
            }
        }
        return (directory, try world.portraits())
    }

    private func expectQuarantine(
        of directory: TemporaryDirectory, _ before: [String: Portrait], _ words: [String]
    ) throws {
        do {
            let world = try World(directory: directory)
            let faults = world.events.values.compactMap { event -> String? in
                guard case .quarantined("bad", let fault) = event else { return nil }
                return fault.sentences
            }
            #expect(faults.count == 1)
            for word in words { #expect(faults.first?.contains(word) ?? false, "\(faults)") }
            let error = SessionError.quarantined(name: "bad", fault: faults.first ?? "")
            #expect(throws: error) { _ = try world.store.session(named: "bad") }
            #expect(throws: error) { try world.create("bad", try durableSample()) }
            #expect(throws: error) { try world.fork("good", as: "bad") }
            #expect(throws: error) { try world.remove("bad", ifMatch: .exists) }
            let page = world.store.list().entries
            #expect(page.map(\.name) == ["bad", "good"])
            #expect(page[0].description == nil && page[1].description != nil)
            #expect(try Portrait(world.store.session(named: "good")) == before["good"])
            try world.store.session(named: "good").take(gradients(6))
        }
        try expectRemoval(of: directory)
    }

    /// A quarantined session can be deleted, also after another start, and its name begins above
    /// whatever it can have had.
    private func expectRemoval(of directory: TemporaryDirectory) throws {
        let last: SessionTag
        do {
            let world = try World(directory: directory)
            last = try world.remove("bad")
            #expect(throws: SessionError.unknownSession(name: "bad")) { try world.remove("bad") }
            #expect(last.generation >= 7)
            world.store.archive?.librarian.sync {}
            #expect(try directory.names("sessions/bad@retired-\(last.generation)") == [])
        }
        let world = try World(directory: directory)
        let again = try world.create("bad", try durableSample())
        #expect(again.description.tag.generation == last.generation + 1)
        #expect(world.events.values.allSatisfy { $0.isRecovered })
    }

    /// Nothing is wrong with the files of a session that no longer fits, and nobody is told to
    /// delete it.
    @Test func aSessionThatDoesNotFitWaitsForRoom() throws {
        let (directory, before) = try made()
        do {
            let world = try World(stateBytes: 100, directory: directory)
            let error = #expect(throws: SessionError.self) {
                _ = try world.store.session(named: "good")
            }
            guard case .quarantined("good", let fault)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(fault.contains("of the 100") && fault.contains("more room"))
            #expect(!fault.contains("delete"))
        }
        let world = try World(directory: directory)
        #expect(try world.portraits() == before)
    }

    /// A directory that holds files of an unknown kind is no unfinished creation.
    @Test func filesThatAreNotKnownAreKept() throws {
        let directory = try TemporaryDirectory()
        do { _ = try World(directory: directory) }
        try Directory.create("\(directory.path)/sessions/s@1")
        try directory.write([1], to: "sessions/s@1/snapshot-of-a-newer-kind")
        let world = try World(directory: directory)
        #expect(throws: SessionError.self) { _ = try world.store.session(named: "s") }
        #expect(world.store.quarantinedCount == 1)
        #expect(try directory.names("sessions/s@1") == ["snapshot-of-a-newer-kind"])
    }

    @Test(arguments: [0, 7, 8, 100, 2000, -5, -1])
    func aDamagedOnlySnapshot(_ place: Int) throws {
        let (directory, before) = try made()
        let snapshot = try directory.files(of: "bad", "snapshot-")[0]
        try directory.damage(snapshot) { $0[(place + $0.count) % $0.count] ^= 16 }
        try expectQuarantine(of: directory, before, ["snapshot-", "byte 0"])
    }

    @Test(arguments: [[UInt8](), [1, 2, 3], [UInt8](repeating: 0, count: 9000)])
    func aSnapshotThatIsNone(_ bytes: [UInt8]) throws {
        let (directory, before) = try made()
        try directory.write(bytes, to: try directory.files(of: "bad", "snapshot-")[0])
        try expectQuarantine(of: directory, before, ["snapshot-"])
    }

    /// The fault names the file and where in it the bad record starts.
    @Test func aFlippedBitInTheLog() throws {
        let (directory, before) = try made()
        let log = try directory.files(of: "bad", "log-")[0]
        var starts: [Int] = []
        var reader = try RecordReader.open(
            MemorySource(bytes: try directory.bytes(log)), after: 0
        ).reader
        while case .record = try reader.read() { starts.append(reader.offset) }
        try directory.damage(log) { $0[starts[2] + 130] ^= 1 }
        try expectQuarantine(of: directory, before, [log, "byte \(starts[2])"])
    }

    @Test func aMissingSegment() throws {
        let (directory, before) = try made(snapshot: true)
        let snapshots = try directory.files(of: "bad", "snapshot-")
        let logs = try directory.files(of: "bad", "log-")
        #expect(snapshots.count == 2 && logs.count == 2)
        try Directory.removeFile("\(directory.path)/\(snapshots[1])")
        try Directory.removeFile("\(directory.path)/\(logs[0])")
        try expectQuarantine(of: directory, before, ["missing"])
    }

    /// A cut segment before another one was acknowledged to its end.
    @Test func aSegmentThatIsCutBeforeAnother() throws {
        let (directory, before) = try made(snapshot: true)
        let snapshots = try directory.files(of: "bad", "snapshot-")
        try Directory.removeFile("\(directory.path)/\(snapshots[1])")
        let log = try directory.files(of: "bad", "log-")[0]
        try directory.damage(log) { $0.removeLast(20) }
        try expectQuarantine(of: directory, before, [log, "cut off"])
    }

    @Test func aLogThatEndsBeforeItsSnapshot() throws {
        let (directory, before) = try made(snapshot: true)
        try Directory.removeFile("\(directory.path)/\(try directory.files(of: "bad", "log-")[1])")
        let log = try directory.files(of: "bad", "log-")[0]
        try directory.damage(log) { $0.removeLast(20) }
        try expectQuarantine(of: directory, before, ["ends before the snapshot"])
    }

    @Test func anotherSessionsFiles() throws {
        for prefix in ["snapshot-", "log-"] {
            let (directory, before) = try made()
            let foreign = try directory.bytes(try directory.files(of: "good", prefix)[0])
            try directory.write(foreign, to: try directory.files(of: "bad", prefix)[0])
            try expectQuarantine(of: directory, before, [prefix])
        }
    }

    @Test func aNewerLog() throws {
        let (directory, before) = try made()
        let log = try directory.files(of: "bad", "log-")[0]
        try directory.damage(log) { $0[7] = UInt8(ascii: "2") }
        try expectQuarantine(of: directory, before, [log, "format 2"])
    }

    /// What does not fit into the budget is kept on the disk and found by the next start that has
    /// room for it.
    @Test func sessionsBeyondTheBudget() throws {
        let (directory, before) = try made()
        do {
            let world = try World(stateBytes: 6000, directory: directory)
            let page = world.store.list().entries
            #expect(page.count { $0.description == nil } == 1)
            #expect(world.events.values.count { !$0.isRecovered } == 1)
        }
        let world = try World(directory: directory)
        #expect(try world.portraits().differences(from: before) == [])
    }

    @Test func twoDeletionsOfOne() throws {
        let (directory, _) = try made()
        let snapshot = try directory.files(of: "bad", "snapshot-")[0]
        try directory.damage(snapshot) { $0[100] ^= 1 }
        let world = try World(directory: directory)
        let answers = Collected<Result<SessionTag, SessionError>>()
        for _ in 0..<2 { world.store.remove("bad") { answers.add($0) } }
        let results = answers.wait(for: 2)
        #expect(results.count { (try? $0.get()) != nil } == 1)
        #expect(results.contains { result in
            guard case .failure(.unknownSession(name: "bad")) = result else { return false }
            return true
        })
    }
}
