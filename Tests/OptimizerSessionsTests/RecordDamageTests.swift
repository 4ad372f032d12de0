import SeededChance
import SystemIO
import Testing

@testable import OptimizerSessions

/// What is left of a segment after a crash, and what a bad disk makes of one.
@Suite struct RecordDamageTests {
    static let alignments = SegmentOpening.alignments

    /// Whatever bit is wrong in a whole file, no record that was acknowledged is cut off and none
    /// is read that was not written.
    @Test(arguments: alignments)
    func everyFlippedBitIsNoticed(_ alignment: Int) throws {
        let segment = try SampleSegment(alignment: alignment)
        let missed = try segment.bits(alignment).filter { bit in
            let reading = try SampleSegment.read(segment.bytes.flipping(bit))
            return !segment.begins(with: reading.records)
                || !["damaged", "newer"].contains(reading.verdict)
        }
        #expect(missed == [])
    }

    /// The same where the last record is torn besides: good records behind the bad one say that
    /// it was acknowledged.
    @Test(arguments: alignments, [0, 200])
    func damageBeforeGoodRecordsIsNoTornTail(_ alignment: Int, _ written: Int) throws {
        let segment = try SampleSegment(alignment: alignment)
        let last = segment.offsets[3]
        let torn = segment.bytes.zeroed(from: min(last + written, segment.bytes.count - 8))
        let missed = try segment.bits(alignment).filter { bit in
            guard bit / 8 < segment.offsets[2] else { return false }
            let reading = try SampleSegment.read(torn.flipping(bit))
            return !segment.begins(with: reading.records)
                || !["damaged", "newer"].contains(reading.verdict)
        }
        #expect(missed == [])
    }

    @Test(arguments: alignments)
    func aSegmentMayEndAnywhere(_ alignment: Int) throws {
        let segment = try SampleSegment(alignment: alignment)
        let wrong = try segment.places(in: 0..<segment.bytes.count, alignment).filter { end in
            let reading = try SampleSegment.read(Array(segment.bytes[..<end]))
            let verdict = segment.offsets.contains(end) ? "end" : "torn"
            return !segment.begins(with: reading.records) || reading.verdict != verdict
                || reading.records.count != segment.offsets.dropFirst().count { $0 <= end }
        }
        #expect(wrong == [])
    }

    /// Zeros up to the end of the last record, whichever record is the last. The trailer is
    /// written by one sector, so it is there or it is not; half of one is damage.
    @Test(arguments: alignments, 1...4)
    func aTailOfZerosIsTorn(_ alignment: Int, _ count: Int) throws {
        let segment = try SampleSegment(alignment: alignment)
        let whole = Array(segment.bytes[..<segment.offsets[count]])
        let trailer = whole.count - RecordLayout.trailerBytes
        let range = segment.offsets[count - 1]..<whole.count
        let wrong = try segment.places(in: range, alignment).filter { start in
            let reading = try SampleSegment.read(whole.zeroed(from: start))
            return !segment.begins(with: reading.records) || reading.records.count != count - 1
                || reading.verdict != (start <= trailer ? "torn" : "damaged")
        }
        #expect(wrong == [])
    }

    /// Zeros up to the file's end, where the file was made longer than what was written of it.
    @Test(arguments: alignments, [8, 88, 96, 104, 512, 4096, 12_288])
    func zerosBehindTheLastRecordAreTorn(_ alignment: Int, _ count: Int) throws {
        let segment = try SampleSegment(alignment: alignment)
        let zeros = [UInt8](repeating: 0, count: count)
        let reading = try SampleSegment.read(segment.bytes + zeros)
        #expect(reading.records.count == 4 && reading.verdict == "torn")
        #expect(try SampleSegment.read(zeros).verdict == "torn")
    }

    @Test(arguments: alignments)
    func rubbishBehindTheLastRecordIsDamage(_ alignment: Int) throws {
        let segment = try SampleSegment(alignment: alignment)
        var dice = SplitMix(seed: 3)
        for count in [96, 97, 500, 5000] {
            let reading = try SampleSegment.read(segment.bytes + dice.bytes(count))
            #expect(reading.records.count == 4 && reading.verdict == "damaged")
        }
    }

    /// What comes behind such a number could not be counted.
    @Test(arguments: [DataDirectory.highestNumber + 1, Int.max])
    func numbersWithoutASuccessorAreDamage(_ number: Int) throws {
        let time = WallTime(seconds: 0)
        for (position, generation, step) in [(number, 1, 1), (1, number, 1), (1, 1, number)] {
            let record = LedgerRecord(
                .step, position: position, tag: SessionTag(generation: generation, step: step),
                time: time)
            #expect(throws: RecordHeader.Fault.self) {
                try RecordHeader(RecordHeader(record, alignment: 8).bytes, alignment: 8)
            }
        }
        let opening = SegmentOpening(session: "run", firstGeneration: 3, alignment: 8)
        let record = opening.record(after: number, time: time)
        var bytes: [UInt8] = []
        try RecordParts(record, alignment: 8).withBytes { for part in $0 { bytes += part } }
        let (_, _, outcome) = try RecordReader.open(MemorySource(bytes: bytes), after: number)
        guard case .damaged = outcome else { throw Errno.inputOutput }
    }

    /// A record's bytes in a segment of the other alignment are none of its own.
    @Test func anOpeningOfTheOtherAlignmentIsDamage() throws {
        let small = try SampleSegment(alignment: 8)
        let large = try SampleSegment(alignment: File.directAlignment)
        let mixed =
            small.bytes[..<small.offsets[1]] + large.bytes[large.offsets[1]...]
        let reading = try SampleSegment.read(Array(mixed))
        #expect(reading.records.count == 1 && reading.verdict == "damaged")
        let opening = SegmentOpening(session: "run", firstGeneration: 3, alignment: 8)
        var bytes: [UInt8] = []
        try RecordParts(
            opening.record(after: SampleSegment.start, time: WallTime(seconds: 0)),
            alignment: File.directAlignment
        ).withBytes { for part in $0 { bytes += part } }
        let lying = try SampleSegment.read(bytes)
        #expect(lying.opening == nil && lying.verdict == "damaged")
    }
}

extension SampleSegment {
    /// Every byte of a small segment; of an aligned one those around its records' borders, the
    /// sectors and some between.
    fileprivate func places(in range: Range<Int>, _ alignment: Int) -> [Int] {
        range.filter { place in
            alignment == 8 || place % 512 == 0 || place % 61 == 0
                || offsets.contains { abs($0 - place) < 150 }
        }
    }

    /// The bits to try: all of a small segment; of an aligned one all that say something and some
    /// of the zeros between.
    fileprivate func bits(_ alignment: Int) -> [Int] {
        guard alignment > 8 else { return Array(0..<8 * bytes.count) }
        var places: Set<Int> = []
        for (record, start) in zip(records, offsets) {
            let layout = RecordLayout(
                detailBytes: record.detail.count, payloadBytes: record.payload.byteCount,
                alignment: alignment)
            places.formUnion(
                start..<start + RecordLayout.headerBytes + record.detail.count + 1)
            let payload = start + layout.payloadOffset
            places.formUnion(payload - 1..<payload + record.payload.byteCount + 1)
            let end = start + layout.byteCount
            places.formUnion(end - RecordLayout.trailerBytes - 1..<end)
        }
        var dice = SplitMix(seed: 1)
        let others = (0..<500).map { _ in Int.random(in: 0..<8 * bytes.count, using: &dice) }
        return places.sorted().flatMap { 8 * $0..<8 * $0 + 8 } + others
    }
}

extension [UInt8] {
    func flipping(_ bit: Int) -> [UInt8] {
        var bytes = self
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        return bytes
    }

    func zeroed(from start: Int) -> [UInt8] {
        self[..<start] + [UInt8](repeating: 0, count: count - start)
    }
}
