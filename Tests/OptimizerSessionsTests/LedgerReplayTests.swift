import OptimizerEngine
import SeededChance
import SystemIO
import Testing

@testable import OptimizerSessions

/// Records under good checksums that do not fit the session end in a fault, never in a trap.
@Suite struct LedgerReplayTests {
    /// A session's snapshot, and the records of its history behind it.
    private struct Sample {
        let world: World
        let contents: SnapshotContents
        let records: [LedgerRecord]

        init() throws {
            let directory = try TemporaryDirectory()
            world = try World(directory: directory)
            let history = History(type: .f32)
            let session = try world.session("s", try history.specification())
            try history.happen(in: world, to: session)
            contents = try SnapshotContents(
                "\(directory.path)/\(try directory.files(of: "s", "snapshot-")[0])",
                limits: StateFile.limits(for: .init()))
            let place = try #require(
                try world.store.archive?.directory.inventory().places.first)
            var records: [LedgerRecord] = []
            _ = try LogWalk(place).replay(after: 0) { record in
                records.append(record)
                return true
            }
            self.records = records
        }

        func replay() throws -> LedgerReplay { try LedgerReplay(contents, world.store.context) }
    }

    private func isFault(_ body: () throws -> Void) -> Bool {
        do {
            try body()
            return false
        } catch {
            return error is LedgerFault
        }
    }

    @Test func theHistoryIsRepeated() throws {
        let sample = try Sample()
        var replay = try sample.replay()
        for record in sample.records { try replay.apply(record, from: "log") }
        #expect(replay.position == sample.records.count && sample.records.count == 27)
        #expect(Set(sample.records.map(\.kind)).count == 7)
        let session = try sample.world.store.session(named: "s")
        #expect(replay.state.tag == session.tag && replay.steps == 11)
    }

    @Test func whatDoesNotFollowIsAFault() throws {
        let sample = try Sample()
        for (index, record) in sample.records.enumerated() {
            let tag = record.tag
            var wrong: [LedgerRecord] = [
                record.with(position: record.position + 1),
                record.with(position: record.position - 1),
                record.with(tag: SessionTag(generation: tag.generation + 1, step: tag.step)),
                record.with(tag: SessionTag(generation: tag.generation, step: tag.step + 1)),
                record.with(kind: .opening),
            ]
            if record.kind != .skip && record.kind != .zeroGradients {
                wrong.append(record.with(payload: .empty))
            }
            if [.step, .skip, .parameters, .gradients].contains(record.kind) {
                wrong += [record.with(detail: []), record.with(detail: record.detail + [0])]
            }
            for (number, record) in wrong.enumerated() {
                // A state is an object that is changed in place, so each attempt gets its own.
                var attempt = try sample.replay()
                for earlier in sample.records[..<index] {
                    try attempt.apply(earlier, from: "log")
                }
                #expect(
                    isFault { try attempt.apply(record, from: "log") },
                    "record \(index), change \(number)")
            }
        }
    }

    @Test(arguments: 1...4)
    func changedRecordsEndInFaultsOrStates(_ seed: UInt64) throws {
        let sample = try Sample()
        var dice = SplitMix(seed: seed)
        var faults = 0
        for _ in 0..<400 {
            var replay = try sample.replay()
            let target = Int.random(in: 0..<sample.records.count, using: &dice)
            for record in sample.records[..<target] { try replay.apply(record, from: "log") }
            let record = try changed(sample.records[target], &dice)
            if isFault({ try replay.apply(record, from: "log") }) { faults += 1 }
        }
        #expect(faults > 100)
    }

    private func changed(
        _ record: LedgerRecord, _ dice: inout SplitMix
    ) throws -> LedgerRecord {
        var detail = record.detail
        var payload = Array(record.payload.bytes)
        for _ in 0..<Int.random(in: 1...4, using: &dice) {
            let isDetail = Bool.random(using: &dice) && !detail.isEmpty
            var bytes = isDetail ? detail : payload
            guard !bytes.isEmpty else { continue }
            // Numbers that count stand at the start and the end of a detail.
            let place = Int.random(in: 0..<bytes.count, using: &dice)
            switch Int.random(in: 0..<4, using: &dice) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: dice.next())
            case 1: bytes[place] = [0, 1, 127, 255].randomElement(using: &dice) ?? 0
            case 2: bytes.removeSubrange(place...)
            default: bytes.insert(contentsOf: bytes[place...], at: place)
            }
            if isDetail { detail = bytes } else { payload = bytes }
        }
        let slab = try Slab(payload)
        return LedgerRecord(
            record.kind, position: record.position, tag: record.tag, time: record.time,
            detail: detail, payload: LedgerPayload(slab, byteCount: payload.count))
    }
}

extension LedgerRecord {
    fileprivate func with(
        kind: Kind? = nil, position: Int? = nil, tag: SessionTag? = nil, detail: [UInt8]? = nil,
        payload: LedgerPayload? = nil
    ) -> LedgerRecord {
        LedgerRecord(
            kind ?? self.kind, position: position ?? self.position, tag: tag ?? self.tag,
            time: time, detail: detail ?? self.detail, payload: payload ?? self.payload)
    }
}
