import OptimizerEngine
import SystemIO
import TensorFormats
import Testing

@testable import OptimizerSessions

@Suite struct RecordTests {
    static let alignments = SegmentOpening.alignments

    @Test(arguments: alignments)
    func everyKindIsReadAsItWasWritten(_ alignment: Int) throws {
        let segment = try SampleSegment(
            alignment: alignment, .everyKind(alignment: alignment))
        let reading = try SampleSegment.read(segment.bytes)
        #expect(reading.verdict == "end")
        #expect(
            reading.opening
                == SegmentOpening(session: "run", firstGeneration: 3, alignment: alignment))
        #expect(reading.records.count == segment.records.count)
        #expect(segment.begins(with: reading.records))
        for (start, end) in zip(segment.offsets, segment.offsets.dropFirst()) {
            #expect(start % alignment == 0 && (end - start) % alignment == 0)
        }
    }

    /// Direct writes need every piece on the alignment, wherever the payload lies.
    @Test func piecesOfAlignedRecordsLieOnTheAlignment() throws {
        let alignment = File.directAlignment
        for record in try [LedgerRecord].everyKind(alignment: alignment) {
            let parts = try RecordParts(record, alignment: alignment)
            parts.withBytes { pieces in
                for piece in pieces where !piece.isEmpty {
                    #expect(UInt(bitPattern: piece.baseAddress) % UInt(alignment) == 0)
                    #expect(piece.count % alignment == 0)
                }
                #expect(pieces.reduce(0) { $0 + $1.count } == parts.byteCount)
            }
        }
    }

    @Test(arguments: alignments)
    func payloadsCanBeLeftUnread(_ alignment: Int) throws {
        var segment = try SampleSegment(alignment: alignment)
        let payload = segment.offsets[1] + RecordLayout(
            detailBytes: segment.records[1].detail.count, payloadBytes: 24, alignment: alignment
        ).payloadOffset
        segment.bytes[payload] ^= 1
        #expect(try SampleSegment.read(segment.bytes).verdict == "damaged")
        let reading = try SampleSegment.read(segment.bytes, skippingPayloads: true)
        #expect(reading.verdict == "end" && reading.records.count == 4)
        #expect(reading.records.allSatisfy { $0.payload.byteCount == 0 })
        #expect(reading.records.map(\.detail) == segment.records.map(\.detail))
    }

    /// The layout as the documentation of `RecordLayout` has it, byte by byte.
    @Test func theHeaderIsWhatTheFormatSays() throws {
        let record = LedgerRecord(
            .step, position: 0x0102, tag: SessionTag(generation: 3, step: 4),
            time: WallTime(seconds: 5, nanoseconds: 6), detail: [7, 8, 9],
            payload: LedgerPayload(try Slab([1, 2, 3, 4, 5]), byteCount: 5))
        var bytes: [UInt8] = []
        try RecordParts(record, alignment: 8).withBytes { for part in $0 { bytes += part } }
        #expect(bytes[..<8].elementsEqual("OPTLOG01".utf8))
        #expect(bytes[20..<24].elementsEqual([2, 0, 0, 0]))
        func number(_ range: Range<Int>) -> Int {
            bytes[range].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        #expect(number(24..<32) == 0x0102)
        #expect(number(32..<40) == 3 && number(40..<48) == 4)
        #expect(number(48..<56) == 5 && number(56..<60) == 6)
        #expect(number(60..<64) == 3 && number(64..<72) == 5)
        #expect(number(72..<80) == 104 && number(80..<88) == 120 && number(88..<96) == 0)
        #expect(bytes[96..<104].elementsEqual([7, 8, 9, 0, 0, 0, 0, 0]))
        #expect(bytes[104..<112].elementsEqual([1, 2, 3, 4, 5, 0, 0, 0]))
        let trailer = Array("OPTLOGND".utf8)
        #expect(bytes[112...].elementsEqual([trailer[0] ^ 2, trailer[1] ^ 1] + trailer[2...]))
        #expect(bytes.count == 120)
        #expect(number(8..<12) == Int(bytes[12..<96].withUnsafeBytes { Kernels.best.crc32c($0) }))
    }

    @Test(arguments: alignments, ["02", "10", "99"])
    func newerRecordsAreToldFromDamagedOnes(_ alignment: Int, _ digits: String) throws {
        for index in 0..<4 {
            var segment = try SampleSegment(alignment: alignment)
            let place = segment.offsets[index] + 6
            segment.bytes.replaceSubrange(place..<place + 2, with: digits.utf8)
            let reading = try SampleSegment.read(segment.bytes)
            guard case .newer(let version) = reading.outcome else {
                Issue.record("\(reading.outcome)")
                continue
            }
            #expect(version == Int(digits))
            #expect(reading.records.count == index)
        }
    }

    @Test(arguments: ["00", "+1", "-1", " 1", "1 ", "0x"])
    func nonsenseDigitsAreDamage(_ digits: String) throws {
        var segment = try SampleSegment(alignment: 8)
        segment.bytes.replaceSubrange(6..<8, with: digits.utf8)
        #expect(try SampleSegment.read(segment.bytes).verdict == "damaged")
    }

    @Test(arguments: alignments)
    func recordsInAnotherOrderAreDamage(_ alignment: Int) throws {
        let good = try [LedgerRecord].sample()
        for records in [[good[1]], [good[0], good[0]], [good[0], good[2]]] {
            let segment = try SampleSegment(alignment: alignment, records)
            let reading = try SampleSegment.read(segment.bytes)
            #expect(reading.verdict == "damaged")
            #expect(reading.records.count == records.count)
        }
    }
}
