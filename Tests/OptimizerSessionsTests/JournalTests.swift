import Dispatch
import Foundation
import SeededChance
import SystemIO
import Testing

@testable import OptimizerSessions

/// What a power loss leaves is made by hand: the journal is whole, and the segments that it stands
/// in for are cut, filled with zeros, or not there at all.
@Suite struct JournalTests {
    enum LossKind: CaseIterable { case none, cut, zeros, gone }

    @Test(arguments: LossKind.allCases)
    func segmentsAreMadeWholeAgain(_ loss: LossKind) throws {
        let bench = try JournalBench()
        let places = try (0..<5).map { try bench.files.begin("s\($0)") }
        try bench.commit(to: places, records: 1...1)
        try bench.commit(to: places, records: 2...3)
        let paths = places.map { $0.path(of: .segment(after: 0)) }
        let whole = try paths.map(bench.bytes)
        for path in paths { try bench.lose(loss, path) }
        #expect(try bench.redo().isEmpty)
        #expect(try paths.map(bench.bytes) == whole)
        for place in places { #expect(try bench.files.positions(place) == [1, 2, 3]) }
        #expect(try bench.journals() == [])
    }

    @Test func aTornBatchWasNeverAcknowledged() throws {
        let bench = try JournalBench()
        let place = try bench.files.begin()
        try bench.commit(to: [place], records: 1...1)
        let journal = try bench.bytes(bench.journalPath)
        try bench.commit(to: [place], records: 2...2)
        let longer = try bench.bytes(bench.journalPath)
        let segment = place.path(of: .segment(after: 0))
        for end in stride(from: journal.count, to: longer.count, by: 509) {
            try bench.write(Array(longer[..<end]), to: bench.journalPath)
            try bench.lose(.gone, segment)
            #expect(try bench.redo().isEmpty)
            #expect(try bench.files.positions(place) == [1])
        }
    }

    @Test func aDamagedJournalMattersOnlyAfterTheMachineStopped() throws {
        for bootID in [Machine.bootID, "another"] {
            let bench = try JournalBench()
            let place = try bench.files.begin()
            try bench.commit(to: [place], records: 1...2)
            var bytes = try bench.bytes(bench.journalPath)
            if bootID != Machine.bootID {
                let opening = try bench.opening(bootID: bootID)
                bytes.replaceSubrange(0..<opening.count, with: opening)
            }
            bytes[bytes.count - 4000] ^= 1
            try bench.write(bytes, to: bench.journalPath)
            if bootID == Machine.bootID {
                #expect(try bench.redo().count == 1)
                #expect(try bench.files.positions(place) == [1, 2])
                #expect(try bench.journals() == [])
            } else {
                #expect(throws: DataDirectoryFault.self) { try bench.redo() }
                #expect(try bench.journals().count == 1)
            }
        }
    }

    /// What has become superfluous or was deleted does not come back.
    @Test func whatIsGoneStaysGone() throws {
        let bench = try JournalBench()
        let superseded = try bench.files.begin("a")
        let deleted = try bench.files.begin("b")
        try bench.commit(to: [superseded, deleted], records: 1...2)
        try superseded.keep(.rubbish(at: 2))
        try bench.lose(.gone, superseded.path(of: .segment(after: 0)))
        try bench.files.archive.directory.retire(deleted, lastGeneration: 1)
        #expect(try bench.redo().isEmpty)
        #expect(try superseded.files().segments == [])
        #expect(!Directory.exists(deleted.path))
    }

    /// A journal that goes on where the segment has not come to yet shows that records are gone.
    /// What is left of the log would look whole, so the session says so until somebody acts.
    @Test func aGapIsRemembered() throws {
        let bench = try JournalBench()
        let place = try bench.files.begin()
        try bench.commit(to: [place], records: 1...1)
        let early = try bench.bytes(place.path(of: .segment(after: 0)))
        try bench.commit(to: [place], records: 2...2)
        let journal = try bench.bytes(bench.journalPath)
        bench.journal.rotate()
        bench.files.archive.librarian.sync {}
        try bench.commit(to: [place], records: 3...3)
        #expect(journal.count > 0)
        try bench.write(early, to: place.path(of: .segment(after: 0)))
        #expect(try bench.redo().isEmpty)
        #expect(try bench.files.positions(place) == [1])
        for _ in 0..<2 {
            let error = #expect(throws: LedgerFault.self) { try place.checkComplete() }
            #expect("\(String(describing: error))".contains("a journal goes on at"))
        }
    }

    @Test func journalsGoWhenTheirSegmentsAreOnTheDisk() throws {
        let bench = try JournalBench()
        let places = try (0..<3).map { try bench.files.begin("s\($0)") }
        try bench.commit(to: places, records: 1...2)
        #expect(try bench.journals() == ["journal-1"])
        bench.journal.rotate()
        bench.files.archive.librarian.sync {}
        #expect(try bench.journals() == [])
        try bench.commit(to: places, records: 3...3)
        #expect(try bench.journals() == ["journal-2"])
        for place in places { #expect(try bench.files.positions(place) == [1, 2, 3]) }
    }

    #if DEBUG
    /// Without room for the journal the segments are synced themselves.
    @Test func aBatchWithoutRoomIsCutOff() throws {
        let bench = try JournalBench()
        let place = try bench.files.begin()
        try bench.commit(to: [place], records: 1...1)
        let before = try bench.bytes(bench.journalPath)
        #expect(throws: Errno.noSpace) {
            try ForcedErrno.during(.dataSync, .noSpace) {
                try bench.commit(to: [place], records: 2...2)
            }
        }
        try bench.journal.abandonBatch()
        bench.files.archive.librarian.sync {}
        #expect(try bench.journals() == [])
        #expect(before.count > 0)
        #expect(try bench.files.positions(place) == [1, 2])
    }
    #endif

    @Test func batchesOfRandomBytesAreNone() {
        var random = SplitMix(seed: 7)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...80, using: &random)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            // Whatever it says, it does not trap, and what it names lies inside the payload.
            guard let batch = try? JournalBatch(bytes, payloadBytes: 64) else { continue }
            #expect(batch.pieces.reduce(0) { $0 + $1.byteCount } == 64)
        }
    }

    /// Records of many sessions at once, through the archive's own desk.
    @Test func theDeskLetsManySessionsShareASync() throws {
        let bench = try JournalBench()
        let places = try (0..<20).map { try bench.files.begin("s\($0)") }
        let ledgers = try places.map { try bench.files.ledger($0) }
        let answers = Collected<Result<Void, LedgerFailure>>()
        for position in 1...10 {
            for ledger in ledgers {
                ledger.append(
                    try .sample(position), after: position - 1, written: { _ in },
                    durable: { answers.add($0) })
            }
        }
        for answer in answers.wait(for: 200) { try answer.get() }
        for place in places { #expect(try bench.files.positions(place) == Array(1...10)) }
        bench.files.archive.settle()
        #expect(try bench.journals() == [])
    }

    /// A drain does not wait for a disk that is slower than its patience.
    @Test func settlingHasAnEnd() throws {
        let archive = try LedgerBench().archive
        let gate = DispatchSemaphore(value: 0)
        archive.librarian.async { gate.wait() }
        archive.settle(until: MonotonicClock.now() + .milliseconds(1))
        gate.signal()
        archive.settle()
    }

    #if DEBUG
    /// A journal that finds no descriptor stays and is tried again; only the disk's own faults end
    /// the service.
    @Test func aScarceDescriptorIsWaitedFor() throws {
        let bench = try JournalBench()
        let place = try bench.files.begin()
        try bench.commit(to: [place], records: 1...2)
        let archive = bench.files.archive
        let keeper = JournalKeeper(queue: archive.librarian, health: archive.health)
        let segments: Set = [CommitJournal.CoveredSegment(place: place, start: 0)]
        archive.librarian.sync {
            ForcedErrno.during(.open, .processFileLimit) {
                keeper.settle(bench.journalPath, segments)
            }
        }
        #expect(try bench.journals().count == 1)
        #expect(!archive.health.hasFailed)
        let patience = MonotonicClock.now() + .seconds(30)
        while try bench.journals() != [], MonotonicClock.now() < patience { usleep(10_000) }
        #expect(try bench.journals() == [])
        #expect(try bench.files.positions(place) == [1, 2])
    }
    #endif
}

/// A journal beside the files of some sessions.
private final class JournalBench {
    let files: LedgerBench
    let journal: CommitJournal

    init() throws {
        files = try LedgerBench()
        let archive = files.archive
        journal = CommitJournal(
            in: archive.directory.path,
            keeper: JournalKeeper(queue: archive.librarian, health: archive.health))
    }

    var journalPath: String { JournalName(number: 1).path(in: files.directory.path) }

    /// Writes the records to each session's segment and commits them in one batch, unsynced.
    func commit(to places: [LedgerPlace], records: ClosedRange<Int>) throws {
        var buffer = try RecordBuffer()
        for place in places {
            let ledger = try files.ledger(place)
            for position in records {
                try ledger.write(.sample(position), after: position - 1, &buffer)
            }
        }
        try journal.commit(buffer)
    }

    func redo() throws -> [LedgerFault] { try JournalRedo(files.archive.directory).run() }

    func journals() throws -> [String] {
        try files.directory.names().filter { JournalName($0) != nil }
    }

    func bytes(_ path: String) throws -> [UInt8] {
        let file = try SegmentFile(path, .read)
        return try file.bytes(at: 0, count: try file.byteCount)
    }

    func write(_ bytes: [UInt8], to path: String) throws {
        let file = try SegmentFile(path, .updateOrCreate)
        try file.truncate(to: 0)
        try bytes.withUnsafeBytes { try file.write($0, at: 0) }
    }

    fileprivate func lose(_ loss: JournalTests.LossKind, _ path: String) throws {
        let whole = try bytes(path)
        switch loss {
        case .none: break
        case .cut: try write(Array(whole[..<(whole.count / 2)]), to: path)
        case .zeros: try write([UInt8](repeating: 0, count: whole.count), to: path)
        case .gone: try Directory.removeFile(path)
        }
    }

    func opening(bootID: String) throws -> [UInt8] {
        let record = LedgerRecord(
            .opening, position: 0, tag: SessionTag(generation: 1, step: 0),
            time: WallTime(seconds: 1), detail: JournalOpening(bootID: bootID).bytes)
        var bytes: [UInt8] = []
        try RecordParts(record, alignment: File.directAlignment).withBytes { parts in
            for part in parts { bytes += part }
        }
        return bytes
    }
}
