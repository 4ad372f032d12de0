import SystemIO
import Testing

@testable import OptimizerSessions

@Suite struct FileLedgerTests {
    @Test(arguments: [false, true])
    func recordsAreThereAfterOpeningAgain(_ isLarge: Bool) throws {
        let bench = try LedgerBench()
        let place = try bench.begin()
        let first = try bench.ledger(place, large: isLarge)
        try first.take(1...3, payloadBytes: 5000)
        first.closeFile()
        try first.take(4...5)
        #expect(try bench.positions(place) == [1, 2, 3, 4, 5])
        #expect(try bench.positions(place, after: 3) == [4, 5])
        let second = try bench.ledger(place, large: isLarge)
        try second.take(6...7)
        var records: [LedgerRecord] = []
        try second.replay(after: 0, withPayloads: true) { record in
            records.append(record)
            return true
        }
        let expected = try (1...7).map {
            try LedgerRecord.sample($0, payloadBytes: $0 < 4 ? 5000 : 24)
        }
        #expect(records.count == 7 && zip(records, expected).allSatisfy { $0.isSame(as: $1) })
        #expect(try place.files().segments == [0])
    }

    @Test(arguments: [false, true])
    func recordsTakeWhatWasSaid(_ isLarge: Bool) throws {
        let bench = try LedgerBench()
        let place = try bench.begin()
        let ledger = try bench.ledger(place, large: isLarge)
        var byteCount = 0
        for position in 1...5 {
            let record = try LedgerRecord.sample(position, payloadBytes: 1000 * position)
            byteCount += ledger.byteCount(of: record)
            try ledger.write(record, after: position - 1)
        }
        let file = try SegmentFile(place.path(of: .segment(after: 0)), .read)
        let opening = SegmentOpening(
            session: "run", firstGeneration: 1, alignment: isLarge ? File.directAlignment : 8)
        let openingBytes = ledger.byteCount(
            of: opening.record(after: 0, time: WallTime(seconds: 0)))
        #expect(try file.byteCount == openingBytes + byteCount)
        let end = try #require(try LogWalk(place).replay(after: 0) { _ in true })
        #expect(end.byteCount == byteCount)
        #expect(try LogWalk(place).replay(after: 5) { _ in true }?.byteCount == 0)
    }

    /// A batch of large revisions is no reason to keep their memory for ever.
    @Test func aBufferShrinksAgain() throws {
        var buffer = try RecordBuffer()
        _ = try buffer.add(.sample(1, payloadBytes: 20 << 20))
        let large = try buffer.add(.sample(2, payloadBytes: 20 << 20)).count
        #expect(large > 20 << 20)
        buffer.removeAll()
        #expect(buffer.capacity <= 8 << 20)
        #expect(try buffer.add(.sample(3)).count == buffer.payload.byteCount)
    }

    /// How a segment's records lie is the segment's matter, whatever its session would choose.
    @Test func aSegmentKeepsItsAlignment() throws {
        let bench = try LedgerBench()
        let place = try bench.begin()
        try bench.ledger(place, large: true).take(1...2)
        try bench.ledger(place, large: false).take(3...4)
        let end = try #require(try LogWalk(place).replay(after: 0) { _ in true })
        #expect(end.tail.head == 4 && end.tornBytes == 0)
        #expect(end.tail.segment?.alignment == File.directAlignment)
    }

    @Test func aWalkStopsWhereItIsTold() throws {
        let bench = try LedgerBench()
        let place = try bench.begin()
        try bench.ledger(place).take(1...5)
        var seen: [Int] = []
        let end = try LogWalk(place, withPayloads: false).replay(after: 1) { record in
            seen.append(record.position)
            #expect(record.payload.byteCount == 0)
            return record.position < 3
        }
        #expect(end == nil && seen == [2, 3])
    }

    @Test func somebodyElseWasFaster() throws {
        let bench = try LedgerBench()
        let place = try bench.begin()
        let ledger = try bench.ledger(place)
        try ledger.take(1...2)
        for (position, expected) in [(2, 1), (4, 3), (4, 2)] {
            let error = LedgerFailure.conflict(expected: expected, actual: 2)
            #expect(throws: error) { try ledger.write(.sample(position), after: expected) }
        }
        try ledger.take(3...3)
        #expect(try bench.positions(place) == [1, 2, 3])
    }

    @Test func segmentsBeginWhereSnapshotsStand() throws {
        let bench = try LedgerBench()
        let place = try bench.begin()
        let ledger = try bench.ledger(place)
        try ledger.take(1...3)
        try bench.store(.rubbish(at: 3), in: ledger).get()
        #expect(try place.files().segments == [0])
        try ledger.take(4...5)
        #expect(try place.files().segments == [0, 3])
        #expect(try bench.positions(place) == [1, 2, 3, 4, 5])
        #expect(try bench.positions(place, after: 4) == [5])
        try bench.store(.rubbish(at: 5), in: ledger).get()
        try bench.store(.rubbish(at: 5), in: ledger).get()
        try ledger.take(6...6)
        let files = try place.files()
        #expect(files.segments == [3, 5])
        #expect(files.snapshots.map(\.position) == [3, 5])
        #expect(files.unfinished == [])
        #expect(try bench.positions(place, after: 3) == [4, 5, 6])
    }

    /// Two snapshots stay, and what the retained steps need.
    @Test(arguments: [(0, [8, 10]), (3, [6, 8, 10]), (4, [6, 8, 10]), (7, [2, 4, 6, 8, 10])])
    func whatIsOutdatedGoes(_ retained: Int, _ kept: [Int]) throws {
        let bench = try LedgerBench()
        let place = try bench.begin()
        let ledger = try bench.ledger(place)
        for position in stride(from: 1, through: 9, by: 2) {
            try ledger.take(position...position + 1)
            let image = SnapshotImage.rubbish(at: position + 1)
            try bench.store(image, in: ledger, retainedSteps: retained).get()
        }
        let files = try place.files()
        #expect(files.snapshots.map(\.position) == kept)
        #expect(files.segments == kept.dropLast())
        #expect(try bench.positions(place, after: kept[0]) == Array(kept[0] + 1...10))
        #expect(bench.events.values.isEmpty)
    }

    @Test func completionsFollowEachOther() throws {
        let bench = try LedgerBench()
        let ledger = try bench.ledger(try bench.begin())
        let answers = Collected<String>()
        func append(_ position: Int, after expected: Int) throws {
            ledger.append(
                try .sample(position), after: expected,
                written: { answers.add("written \(position): \($0.isSuccess)") },
                durable: { answers.add("durable \(position): \($0.isSuccess)") })
        }
        try append(1, after: 0)
        try append(3, after: 2)
        try append(2, after: 1)
        let seen = answers.wait(for: 5)
        #expect(
            seen.sorted() == [
                "durable 1: true", "durable 2: true", "written 1: true", "written 2: true",
                "written 3: false",
            ])
        #expect(seen.first == "written 1: true" && seen.last == "durable 2: true")
    }

    @Test func openFilesAreBounded() throws {
        let bench = try LedgerBench()
        let limit = Archive.openFileLimit / 2
        let ledgers = try (0..<limit + 40).map { index in
            let place = bench.archive.directory.place(of: "s\(index)", 1)
            try Directory.create(place.path)
            return try bench.ledger(place)
        }
        for position in 1...2 {
            let durable = Collected<Bool>()
            for ledger in ledgers {
                ledger.append(
                    try .sample(position), after: position - 1, written: { _ in },
                    durable: { durable.add($0.isSuccess) })
            }
            #expect(durable.wait(for: ledgers.count).allSatisfy { $0 })
            // The desk closes files after it has answered; it is done once it takes an errand.
            bench.waitForDesks()
            let count = try bench.directory.openFileCount("/log-")
            #expect(count <= limit && count > 0)
        }
        for ledger in ledgers { #expect(try bench.positions(ledger.place) == [1, 2]) }
    }
}

extension Result where Success == Void {
    var isSuccess: Bool { if case .success = self { true } else { false } }
}
