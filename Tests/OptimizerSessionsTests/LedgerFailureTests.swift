#if DEBUG
import SystemIO
import Testing

@testable import OptimizerSessions

/// What a disk that is full or broken does to a ledger.
@Suite struct LedgerFailureTests {
    @Test(arguments: [Errno.noSpace, .quotaExceeded, .fileTooLarge], [0, 2])
    func aFullDiskChangesNothing(_ error: Errno, _ head: Int) throws {
        let bench = try LedgerBench()
        let place = try bench.begin()
        let ledger = try bench.ledger(place)
        if head > 0 { try ledger.take(1...head) }
        let before = try bench.files(of: place)
        for _ in 0..<2 {
            ForcedErrno.during(.fileWrite, error) {
                #expect(throws: LedgerFailure.full(error)) {
                    try ledger.write(.sample(head + 1), after: head)
                }
            }
            #expect(try bench.files(of: place) == before)
        }
        try ledger.take(head + 1...head + 2)
        #expect(try bench.positions(place) == Array(1...head + 2))
    }

    /// A service at its limit of descriptors or memory is no service with a broken disk.
    @Test(arguments: [Errno.processFileLimit, .systemFileLimit, .noMemory], [0, 2])
    func whatIsScarceNowMayBeThereLater(_ error: Errno, _ head: Int) throws {
        let bench = try LedgerBench()
        let place = try bench.begin()
        let ledger = try bench.ledger(place)
        if head > 0 { try ledger.take(1...head) }
        ledger.closeFile()
        let before = try bench.files(of: place)
        ForcedErrno.during(.open, error) {
            #expect(throws: LedgerFailure.full(error)) {
                try ledger.write(.sample(head + 1), after: head)
            }
        }
        #expect(try bench.files(of: place) == before)
        try ledger.take(head + 1...head + 2)
        #expect(try bench.positions(place) == Array(1...head + 2))
    }

    /// The opening of a new segment is there and the record behind it is not.
    private func segmentWithoutRecords(_ bench: LedgerBench) throws -> FileLedger {
        let place = try bench.begin()
        let ledger = try bench.ledger(place)
        try ledger.take(1...1)
        ledger.closeFile()
        let path = place.path(of: .segment(after: 0))
        let opening = SegmentOpening(session: "run", firstGeneration: 1, alignment: 8)
        let file = try SegmentFile(path, .update)
        let byteCount = try RecordParts(
            opening.record(after: 0, time: WallTime(seconds: 0)), alignment: 8).byteCount
        try file.truncate(to: byteCount)
        return try bench.ledger(place)
    }

    /// Found by a snapshot after a step that had no room: the next step's segment has the name of
    /// the one that is there.
    @Test func anEmptySegmentIsUsedAfterASnapshot() throws {
        let bench = try LedgerBench()
        let ledger = try segmentWithoutRecords(bench)
        try bench.store(.rubbish(at: 0), in: ledger).get()
        try ledger.take(1...2)
        #expect(try bench.positions(ledger.place) == [1, 2])
        #expect(try ledger.place.files().segments == [0])
    }

    /// Renaming is the deletion, so what fails after it is no refusal.
    @Test func aRetirementIsWholeOrAFailure() throws {
        let bench = try LedgerBench()
        let place = try bench.begin()
        let directory = bench.directory
        ForcedErrno.during(.open, .processFileLimit) {
            #expect(throws: LedgerFailure.full(.processFileLimit)) {
                try bench.archive.directory.retire(place, lastGeneration: 1)
            }
        }
        #expect(try directory.names("sessions") == ["run@1"])
        ForcedErrno.during(.fileSync, .noSpace) {
            #expect(throws: LedgerFailure.failed(.noSpace)) {
                try bench.archive.directory.retire(place, lastGeneration: 1)
            }
        }
        #expect(try directory.names("sessions") == ["run@retired-1"])
    }

    @Test(arguments: [Errno.processFileLimit, .noSpace], [SystemCall.open, .makeDirectory])
    func aRefusedBeginningLeavesNothing(_ error: Errno, _ call: SystemCall) throws {
        let bench = try LedgerBench()
        ForcedErrno.during(call, error) {
            #expect(throws: LedgerFailure.full(error)) { _ = try bench.begin() }
        }
        #expect(try bench.directory.names("sessions") == [])
        #expect(!bench.archive.health.hasFailed)
        _ = try bench.begin()
    }

    @Test func whatCannotBeCutOffEndsTheLedger() throws {
        let bench = try LedgerBench()
        let ledger = try bench.ledger(try bench.begin())
        try ledger.take(1...1)
        ForcedErrno.during(.fileWrite, .noSpace) {
            ForcedErrno.during(.truncate, .inputOutput) {
                #expect(throws: LedgerFailure.failed(.inputOutput)) {
                    try ledger.write(.sample(2), after: 1)
                }
            }
        }
    }

    @Test func aBrokenDiskIsNotAFullOne() throws {
        let bench = try LedgerBench()
        let ledger = try bench.ledger(try bench.begin())
        for error in [Errno.inputOutput, .readOnlyFileSystem] {
            ForcedErrno.during(.fileWrite, error) {
                #expect(throws: LedgerFailure.failed(error)) {
                    try ledger.write(.sample(1), after: 0)
                }
            }
        }
    }

    @Test(arguments: [SystemCall.dataSync, .fileSync])
    func aFailedSyncIsNoAnswer(_ call: SystemCall) throws {
        let bench = try LedgerBench()
        let ledger = try bench.ledger(try bench.begin())
        try ledger.write(.sample(1), after: 0)
        // No room for what the file system had promised is no better than any other failure.
        for error in [Errno.inputOutput, .noSpace] {
            ForcedErrno.during(call, error) {
                #expect(throws: LedgerFailure.failed(error)) { try ledger.sync() }
            }
        }
    }

    @Test func theFirstFailureIsRememberedAndToldOnce() throws {
        let told = Collected<LedgerFailure>()
        let health = LedgerHealth { told.add($0) }
        health.note(.full(.noSpace))
        health.note(.conflict(expected: 1, actual: 2))
        try health.check()
        #expect(!health.hasFailed)
        health.note(.failed(.inputOutput))
        health.note(.failed(.noSpace))
        #expect(told.values == [.failed(.inputOutput)])
        #expect(health.hasFailed)
        #expect(throws: LedgerFailure.failed(.inputOutput)) { try health.check() }
    }

    @Test func afterAFailureNothingIsAcknowledged() throws {
        let bench = try LedgerBench()
        let ledger = try bench.ledger(try bench.begin())
        bench.archive.health.note(.failed(.inputOutput))
        let answers = Collected<Bool>()
        ledger.append(
            try .sample(1), after: 0, written: { answers.add($0.isSuccess) },
            durable: { _ in Issue.record("a failed append has no second completion") })
        #expect(answers.wait(for: 1) == [false])
        #expect(try bench.positions(ledger.place) == [])
        guard case .failed(.failed(.inputOutput))? = bench.events.values.first else {
            Issue.record("\(bench.events.values)")
            return
        }
        #expect(bench.events.values.count == 1)
    }

    /// A snapshot is whole under its name or has none, whatever fails on its way.
    @Test(arguments: [
        (SystemCall.open, Errno.noSpace), (.fileWrite, .noSpace), (.truncate, .inputOutput),
        (.dataSync, .inputOutput), (.rename, .inputOutput),
    ])
    func noHalfSnapshotIsKept(_ call: SystemCall, _ error: Errno) throws {
        let bench = try LedgerBench()
        let place = try bench.begin()
        let before = try bench.files(of: place)
        ForcedErrno.during(call, error) {
            #expect(throws: LedgerFailure(error)) { try place.keep(.rubbish(at: 7)) }
        }
        #expect(try bench.files(of: place) == before)
        try place.keep(.rubbish(at: 7))
        #expect(try place.files().snapshots.map(\.position) == [0, 7])
    }

    @Test func aCreationThatFailsLeavesNothing() throws {
        let bench = try LedgerBench()
        for call in [SystemCall.makeDirectory, .fileWrite, .dataSync, .rename, .fileSync] {
            ForcedErrno.during(call, .noSpace) {
                #expect(throws: LedgerFailure.full(.noSpace)) { _ = try bench.begin() }
            }
            #expect(try bench.directory.names("sessions") == [], "\(call)")
        }
        _ = try bench.begin()
        #expect(try bench.directory.names("sessions") == ["run@1"])
    }
}

extension LedgerBench {
    /// Every file of a session with its bytes.
    fileprivate func files(of place: LedgerPlace) throws -> [String: [UInt8]] {
        let folder = "sessions/\(place.session)@\(place.firstGeneration)"
        return Dictionary(
            uniqueKeysWithValues: try directory.names(folder).map {
                ($0, try directory.bytes("\(folder)/\($0)"))
            })
    }
}
#endif
