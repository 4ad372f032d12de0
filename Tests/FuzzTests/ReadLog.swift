import SystemIO

@testable import OptimizerSessions

enum LogKind: CaseIterable {
    case segment, journal
}

/// A file's records and how it ends.
struct ReadLog {
    enum Verdict: Equatable {
        case end, torn, damaged, newer
    }

    let bytes: [UInt8]
    let kind: LogKind
    /// The position of the first record.
    let first: Int
    private(set) var alignment = File.directAlignment
    private(set) var records: [LedgerRecord] = []
    /// Where each record ends.
    private(set) var ends: [Int] = []
    private(set) var verdict = Verdict.end

    var end: Int { ends.last ?? 0 }

    init(_ bytes: [UInt8], _ kind: LogKind, skippingPayloads: Bool = false) throws {
        self.bytes = bytes
        self.kind = kind
        let source = WatchedSource(bytes)
        var reader: RecordReader<WatchedSource>
        var outcome: RecordReader<WatchedSource>.Outcome
        switch kind {
        case .segment:
            // A segment's name says where it begins; here its first record does.
            let stated = bytes.count < 32 ? 0 : bytes.number(at: 24, Int64.self)
            first = Int(max(0, stated))
            let opened = try RecordReader.open(source, after: first)
            (reader, outcome) = (opened.reader, opened.outcome)
            if let opening = opened.opening { alignment = opening.alignment }
        case .journal:
            first = 0
            reader = try RecordReader(
                source, alignment: File.directAlignment, offset: 0, after: -1)
            outcome = try reader.read(skippingPayloads: skippingPayloads)
        }
        reading: while true {
            switch outcome {
            case .record(let record):
                try require(reader.offset > end, "every record takes the reader on")
                records.append(record)
                ends.append(reader.offset)
                outcome = try reader.read(skippingPayloads: skippingPayloads)
            case .end: break reading
            case .torn:
                verdict = .torn
                break reading
            case .damaged:
                verdict = .damaged
                break reading
            case .newer:
                verdict = .newer
                break reading
            }
        }
        try require(
            source.largestRead <= max(RecordLayout.headerBytes, bytes.count),
            "no more memory is taken than the file has bytes")
    }
}

/// A file in memory that knows how much was asked of it at once.
final class WatchedSource: ByteSource {
    private let bytes: [UInt8]
    private(set) var largestRead = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var byteCount: Int { bytes.count }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        largestRead = max(largestRead, buffer.count)
        let part = bytes[min(offset, bytes.count)...].prefix(buffer.count)
        buffer.copyBytes(from: part)
        return part.count
    }
}
