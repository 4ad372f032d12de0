import OptimizerEngine
import SystemIO

/// Bytes at offsets: a file, or memory in tests.
protocol ByteSource {
    var byteCount: Int { get throws(Errno) }
    /// Fills the buffer from `offset` on; fewer bytes only at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(Errno) -> Int
}

/// Takes the records of one segment one after another and judges each.
///
/// A tail that is missing or zero-filled is torn: the machine stopped before the record was
/// acknowledged, and it may be cut off. Anything else that is no record is damage: what stood
/// there may have been acknowledged.
struct RecordReader<Source: ByteSource> {
    enum Outcome {
        case record(LedgerRecord)
        /// The segment ends where its last record ends.
        case end
        case torn
        case damaged(String)
        case newer(version: Int)
    }

    let source: Source
    let alignment: Int
    private let byteCount: Int
    /// Where the next record starts.
    private(set) var offset: Int
    /// The position that the next record must have.
    private var next: Int

    /// - Parameters:
    ///   - offset: where a record starts.
    ///   - position: of the record before that one.
    init(
        _ source: Source, alignment: Int, offset: Int, after position: Int
    ) throws(Errno) {
        self.source = source
        self.alignment = alignment
        self.offset = offset
        next = position + 1
        byteCount = try source.byteCount
    }

    /// - Parameter skippingPayloads: leaves payloads unread and unjudged; records then have none.
    mutating func read(skippingPayloads: Bool = false) throws(Errno) -> Outcome {
        let remaining = byteCount - offset
        guard remaining > 0 else { return .end }
        let bytes = try source.bytes(
            at: offset, count: min(remaining, RecordLayout.headerBytes))
        guard bytes.count == RecordLayout.headerBytes else { return .torn }
        let header: RecordHeader
        do {
            header = try RecordHeader(bytes, alignment: alignment)
        } catch {
            switch error {
            case .newer(let version): return .newer(version: version)
            case .damaged(let reason):
                return try isZeroFilled(from: offset) ? .torn : .damaged(reason)
            }
        }
        guard header.position == next else {
            return .damaged("record \(header.position) stands where \(next) should")
        }
        guard header.layout.byteCount <= remaining else { return .torn }
        let content = try Content(source, header, at: offset, skippingPayload: skippingPayloads)
        if let fault = content.fault {
            let trailer = offset + header.layout.byteCount - RecordLayout.trailerBytes
            return try isZero(from: trailer) ? .torn : .damaged(fault)
        }
        offset += header.layout.byteCount
        next += 1
        return .record(content.record)
    }

    /// Whether the file ends in zeros, which no whole record does, and no whole record follows.
    private func isZeroFilled(from start: Int) throws(Errno) -> Bool {
        guard try endsInZeros() else { return false }
        var place = start + 8
        while byteCount - place >= RecordLayout.headerBytes {
            let count = min(byteCount - place, 1 << 20)
            let piece = try source.bytes(at: place, count: count)
            let isFollowed = stride(
                from: 0, through: piece.count - RecordLayout.headerBytes, by: 8
            ).contains { index in
                guard piece[index] == RecordLayout.magicStem[0] else { return false }
                let bytes = Array(piece[index..<index + RecordLayout.headerBytes])
                // Behind a bad opening the records' alignment is not known.
                return SegmentOpening.alignments.contains {
                    (try? RecordHeader(bytes, alignment: $0)).map { $0.position > next } ?? false
                }
            }
            if isFollowed { return false }
            place += max(8, (count - RecordLayout.headerBytes) & ~7)
        }
        return true
    }

    /// Whether nothing but zeros stands there, up to the file's end.
    private func isZero(from start: Int) throws(Errno) -> Bool {
        for place in stride(from: start, to: byteCount, by: 1 << 20) {
            let piece = try source.bytes(at: place, count: min(byteCount - place, 1 << 20))
            guard piece.allSatisfy({ $0 == 0 }) else { return false }
        }
        return true
    }

    private func endsInZeros() throws(Errno) -> Bool {
        let trailer = try source.bytes(
            at: byteCount - RecordLayout.trailerBytes, count: RecordLayout.trailerBytes)
        return trailer.allSatisfy { $0 == 0 }
    }
}

/// What follows a record's header, read and judged.
private struct Content {
    let record: LedgerRecord
    /// nil: all of it is as it was written.
    private(set) var fault: String?

    init(
        _ source: some ByteSource, _ header: RecordHeader, at offset: Int, skippingPayload: Bool
    ) throws(Errno) {
        let front = try source.bytes(
            at: offset + RecordLayout.headerBytes,
            count: header.layout.payloadOffset - RecordLayout.headerBytes)
        let detail = Array(front.prefix(header.detailBytes))
        let payloadStart = offset + header.layout.payloadOffset
        var payload = LedgerPayload.empty
        if !skippingPayload, header.payloadBytes > 0 {
            let slab = try Slab(byteCount: header.payloadBytes)
            _ = try source.read(into: slab.bytes, at: payloadStart)
            payload = LedgerPayload(slab, byteCount: header.payloadBytes)
        }
        let backOffset = payloadStart + header.payloadBytes
        let back = try source.bytes(
            at: backOffset, count: offset + header.layout.byteCount - backOffset)
        record = LedgerRecord(
            header.kind, position: header.position, tag: header.tag, time: header.time,
            detail: detail, payload: payload)
        fault = Self.fault(
            header, front: front, back: back, detail: detail,
            payload: skippingPayload ? nil : payload)
    }

    private static func fault(
        _ header: RecordHeader, front: [UInt8], back: [UInt8], detail: [UInt8],
        payload: LedgerPayload?
    ) -> String? {
        let position = header.position
        guard detail.withUnsafeBytes({ Kernels.best.crc32c($0) }) == header.detailChecksum else {
            return "the detail of record \(position) does not match its checksum"
        }
        if let payload, Kernels.best.crc32c(payload.bytes) != header.payloadChecksum {
            return "the payload of record \(position) does not match its checksum"
        }
        let trailer = RecordLayout.trailer(position: position)
        let isWhole =
            front.dropFirst(detail.count).allSatisfy { $0 == 0 }
            && back.dropLast(RecordLayout.trailerBytes).allSatisfy { $0 == 0 }
            && withUnsafeBytes(of: trailer.littleEndian) {
                back.suffix(RecordLayout.trailerBytes).elementsEqual($0)
            }
        return isWhole ? nil : "record \(position) is not as it was written between its parts"
    }
}

extension ByteSource {
    func bytes(at offset: Int, count: Int) throws(Errno) -> [UInt8] {
        guard offset >= 0, count > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        let outcome = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(Errno) in try read(into: buffer, at: offset) }
        }
        let filled = try outcome.get()
        return filled == count ? bytes : Array(bytes[..<filled])
    }
}

extension RecordReader {
    /// Begins at a segment's start: reads its opening, which says how the rest is aligned.
    ///
    /// - Returns: nil with the reason when the opening is none.
    static func open(
        _ source: Source, after position: Int
    ) throws(Errno) -> (reader: RecordReader, opening: SegmentOpening?, outcome: Outcome) {
        let bytes = try source.bytes(at: 0, count: RecordLayout.headerBytes)
        // A header holds for one alignment only; a bad one is judged alike for all.
        let alignment = SegmentOpening.alignments.first {
            (try? RecordHeader(bytes, alignment: $0)) != nil
        }
        // The opening stands at the position before the segment's first record.
        var reader = try RecordReader(
            source, alignment: alignment ?? SegmentOpening.alignments[0], offset: 0,
            after: position - 1)
        let outcome = try reader.read()
        guard case .record(let record) = outcome else { return (reader, nil, outcome) }
        guard record.kind == .opening, let opening = try? SegmentOpening(record.detail),
            opening.alignment == alignment
        else { return (reader, nil, .damaged("the segment does not start with its opening")) }
        return (reader, opening, outcome)
    }
}
