import OptimizerEngine
import SystemIO
import Testing

@testable import OptimizerSessions

/// What a recovery mends by itself: torn tails, leftovers, a damaged newest snapshot.
@Suite struct MendingTests {
    /// A session of five steps and what it was before the last one.
    private func fiveSteps(
        large: Bool = false
    ) throws -> (directory: TemporaryDirectory, before: [UInt8], after: [UInt8]) {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        // Above 256 KiB a record, records lie on blocks.
        let count = large ? 70_000 : 6
        var specification = try SessionSpecification.sample(shapes: [[count]])
        specification.durability = .log
        let session = try world.session("s", specification)
        for seed in 1...4 { try session.take(gradients(count, seed: seed)) }
        let before = try session.state()
        try session.take(gradients(count, seed: 5))
        return (directory, before, try session.state())
    }

    /// Where the last record of the session's log starts.
    private func lastRecord(_ bytes: [UInt8]) throws -> Int {
        var reader = try RecordReader.open(MemorySource(bytes: bytes), after: 0).reader
        var start = reader.offset
        while true {
            let offset = reader.offset
            guard case .record = try reader.read() else { return start }
            start = offset
        }
    }

    @Test(arguments: [(false, false), (false, true), (true, false), (true, true)],
        [0, 1, 50, 96, 100, 115])
    func aTornTailIsCutOff(_ kind: (isLarge: Bool, isZeroed: Bool), _ written: Int) throws {
        let (isLarge, isZeroed) = kind
        let made = try fiveSteps(large: isLarge)
        let log = try made.directory.files(of: "s", "log-")[0]
        let start = try lastRecord(try made.directory.bytes(log))
        try made.directory.damage(log) { bytes in
            let end = start + written
            bytes = isZeroed ? bytes.zeroed(from: end) : Array(bytes[..<end])
        }
        do {
            let world = try World(directory: made.directory)
            let session = try world.store.session(named: "s")
            #expect(try session.state() == made.before)
            #expect(session.tag == SessionTag(generation: 1, step: 4))
            let torn = world.events.values.compactMap { event -> Int? in
                guard case .tornTail("s", let bytes) = event else { return nil }
                return bytes
            }
            #expect(torn.count == (isZeroed || written > 0 ? 1 : 0))
            #expect(try made.directory.bytes(log).count == start)
            try session.take(gradients(session.layout.elementCount, seed: 5))
            #expect(try session.state() == made.after)
        }
        let world = try World(directory: made.directory)
        #expect(try world.store.session(named: "s").state() == made.after)
        #expect(world.events.values.allSatisfy { $0.isRecovered })
    }

    /// A segment of which not even the opening was written is begun anew.
    @Test(arguments: [0, 1, 96, 110])
    func aTornOpening(_ written: Int) throws {
        let made = try fiveSteps()
        let log: String
        do {
            let world = try World(directory: made.directory)
            let session = try world.store.session(named: "s")
            _ = try wait { session.snapshot(completion: $0) }
            try session.take(gradients(6))
            log = try made.directory.files(of: "s", "log-")[1]
        }
        try made.directory.damage(log) { $0 = Array($0[..<written]) }
        let world = try World(directory: made.directory)
        let session = try world.store.session(named: "s")
        #expect(try session.state() == made.after)
        #expect(!Directory.exists("\(made.directory.path)/\(log)"))
        try session.take(gradients(6))
        #expect(Directory.exists("\(made.directory.path)/\(log)"))
    }

    /// The log goes on from the snapshot before it, and a new one is taken.
    @Test(arguments: [false, true])
    func aDamagedNewestSnapshotIsPassedOver(_ goesOn: Bool) throws {
        let made = try fiveSteps()
        var state = made.after
        do {
            let world = try World(directory: made.directory)
            let session = try world.store.session(named: "s")
            _ = try wait { session.snapshot(completion: $0) }
            if goesOn { try session.take(gradients(6, seed: 6)) }
            state = try session.state()
        }
        let newest = try #require(try made.directory.files(of: "s", "snapshot-").last)
        try made.directory.damage(newest) { $0[$0.count / 2] ^= 4 }
        do {
            let world = try World(directory: made.directory)
            let session = try world.store.session(named: "s")
            #expect(try session.state() == state)
            let passedOver = world.events.values.compactMap { event -> String? in
                guard case .passedOver("s", let fault) = event else { return nil }
                return fault.description
            }
            #expect(passedOver.count == 1 && passedOver[0].contains(newest))
            // A snapshot of its own accord is on its way; this one comes after it.
            _ = try wait { session.snapshot(completion: $0) }
        }
        #expect(try made.directory.files(of: "s", "snapshot-").contains(newest + ".damaged"))
        let world = try World(directory: made.directory)
        #expect(try world.store.session(named: "s").state() == state)
        #expect(world.events.values.allSatisfy { $0.isRecovered })
        _ = try world.remove("s")
    }

    @Test func leftoversOfUnfinishedWorkGo() throws {
        let made = try fiveSteps()
        let folder = "\(made.directory.path)/sessions"
        try made.directory.write([1, 2], to: "sessions/s@1/snapshot-1.safetensors.tmp")
        try Directory.create("\(folder)/empty@1")
        try Directory.create("\(folder)/begun@3")
        try made.directory.write([1], to: "sessions/begun@3/snapshot-0.safetensors.tmp")
        let world = try World(directory: made.directory)
        #expect(try made.directory.names("sessions") == ["s@1"])
        #expect(try made.directory.files(of: "s", "").allSatisfy { !$0.hasSuffix(".tmp") })
        #expect(try world.store.session(named: "s").state() == made.after)
        let unfinished = world.events.values.compactMap { event -> String? in
            guard case .unfinishedCreation(let session) = event else { return nil }
            return session
        }
        #expect(unfinished.sorted() == ["begun", "empty"])
        #expect(try world.create("begun", try durableSample()).kind == .created)
    }

    @Test func aCheckTellsWhatARecoveryWouldDo() throws {
        let made = try fiveSteps()
        func report() throws -> SessionReport {
            let directory = try made.directory.claim()
            return try #require(try directory.check().first)
        }
        #expect(try report().description == "s: 1 snapshots, 5 records: good")
        let log = try made.directory.files(of: "s", "log-")[0]
        let whole = try made.directory.bytes(log)
        try made.directory.damage(log) { $0.removeLast(9) }
        let torn = try report()
        #expect(torn.fault == nil && torn.records == 4 && torn.tornBytes > 0)
        // The loss of the last record can be accepted, that of another cannot.
        try made.directory.write(whole.flipping(8 * 200), to: log)
        #expect(try report().fault?.contains(log) ?? false)
        let directory = try made.directory.claim()
        #expect(throws: CheckRefusal.self) { try directory.dropLastRecord(of: "s") }
        #expect(throws: CheckRefusal.self) { try directory.dropLastRecord(of: "other") }
        try made.directory.write(whole, to: log)
        #expect(throws: CheckRefusal.self) { try directory.dropLastRecord(of: "s") }
        try made.directory.write(whole.flipping(8 * whole.count - 1), to: log)
        try directory.dropLastRecord(of: "s")
        #expect(try made.directory.bytes(log) == Array(whole[..<(try lastRecord(whole))]))
        _ = consume directory
        let world = try World(directory: made.directory)
        #expect(try world.store.session(named: "s").state() == made.before)
    }
}
