import OptimizerEngine
import SeededChance
import SystemIO
import TensorFormats

@testable import OptimizerSessions

/// A file's bytes in memory.
struct MemorySource: ByteSource {
    var bytes: [UInt8]

    var byteCount: Int { bytes.count }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        let part = bytes[min(offset, bytes.count)...].prefix(buffer.count)
        buffer.copyBytes(from: part)
        return part.count
    }
}

/// A segment as it stands in a file: an opening and records behind it.
struct SampleSegment {
    /// The position of the opening.
    static let start = 41

    var bytes: [UInt8] = []
    /// The opening included.
    var records: [LedgerRecord] = []
    /// Where each record starts, and the end of the last.
    var offsets = [0]

    /// - Parameter records: behind the opening; the sample's own when nil.
    init(alignment: Int, _ records: [LedgerRecord]? = nil) throws {
        let opening = SegmentOpening(
            session: "run", firstGeneration: 3, alignment: alignment)
        let time = WallTime(seconds: 1_700_000_000, nanoseconds: 7)
        try append(opening.record(after: Self.start, time: time), alignment)
        for record in try records ?? .sample() { try append(record, alignment) }
    }

    private mutating func append(_ record: LedgerRecord, _ alignment: Int) throws {
        try RecordParts(record, alignment: alignment).withBytes { parts in
            for part in parts { bytes += part }
        }
        records.append(record)
        offsets.append(bytes.count)
    }

    /// What reading these bytes gives.
    struct Reading {
        var records: [LedgerRecord] = []
        var opening: SegmentOpening?
        let outcome: RecordReader<MemorySource>.Outcome

        /// "record", "end", "torn", "damaged" or "newer".
        var verdict: String { "\(outcome)".prefix { $0 != "(" }.description }
    }

    static func read(_ bytes: [UInt8], skippingPayloads: Bool = false) throws -> Reading {
        var (reader, opening, outcome) = try RecordReader.open(
            MemorySource(bytes: bytes), after: start)
        var records: [LedgerRecord] = []
        while case .record(let record) = outcome {
            records.append(record)
            outcome = try reader.read(skippingPayloads: skippingPayloads)
        }
        return Reading(records: records, opening: opening, outcome: outcome)
    }

    /// Whether these are the segment's first records, one like the other.
    func begins(with others: [LedgerRecord]) -> Bool {
        others.count <= records.count
            && zip(others, records).allSatisfy { $0.isSame(as: $1) }
    }
}

extension LedgerRecord {
    func isSame(as other: LedgerRecord) -> Bool {
        kind == other.kind && position == other.position && tag == other.tag
            && time == other.time && detail == other.detail
            && payload.bytes.elementsEqual(other.payload.bytes)
    }
}

extension [LedgerRecord] {
    /// A step with gradients, overwritten parameters of odd length, and a step left out.
    static func sample(after start: Int = SampleSegment.start) throws -> [LedgerRecord] {
        let values = try Slab([9, 1, 2, 3, 4, 5, 6, 9], .f32)
        let odd = try Slab((0..<13).map { UInt8($0 + 1) })
        let time = WallTime(seconds: -5, nanoseconds: 999_999_999)
        return [
            LedgerRecord(
                .step, position: start + 1, tag: SessionTag(generation: 3, step: 8), time: time,
                detail: try StepEntry.sample(key: "k").bytes,
                payload: LedgerPayload(values, byteOffset: 4, byteCount: 24)),
            LedgerRecord(
                .parameters, position: start + 2, tag: SessionTag(generation: 4, step: 8),
                time: time, detail: [1], payload: LedgerPayload(odd, byteCount: 13)),
            LedgerRecord(
                .skip, position: start + 3, tag: SessionTag(generation: 4, step: 8), time: time,
                detail: try StepEntry.sample(key: nil).bytes),
        ]
    }

    /// One of each kind that can stand behind an opening, with details and payloads of a few
    /// lengths around the borders of `alignment`.
    static func everyKind(alignment: Int) throws -> [LedgerRecord] {
        let lengths = [0, 1, 7, 8, 9, alignment - 8, alignment, alignment + 1, 3 * alignment]
        let kinds: [LedgerRecord.Kind] = [
            .step, .skip, .settings, .parameters, .state, .gradients, .zeroGradients,
        ]
        let slab = try Slab(byteCount: 4 * alignment + 64, alignment: alignment)
        for index in 0..<slab.byteCount { slab.bytes[index] = UInt8(index % 253) }
        var records: [LedgerRecord] = []
        for kind in kinds {
            for (index, length) in lengths.enumerated() {
                // On the alignment, off it, and off any.
                for byteOffset in [0, 8, 3] {
                    let position = SampleSegment.start + 1 + records.count
                    records.append(
                        LedgerRecord(
                            kind, position: position,
                            tag: SessionTag(generation: position, step: length),
                            time: WallTime(seconds: Int64(position)),
                            detail: [UInt8](repeating: 5, count: index * index),
                            payload: LedgerPayload(
                                slab, byteOffset: byteOffset, byteCount: length)))
                }
            }
        }
        return records
    }
}

extension StepEntry {
    /// Of the sample's groups.
    static let sampleTypes: [OptimizerType] = [.adamw, .adam]

    static func sample(key: String?) throws -> StepEntry {
        let layout = try TensorLayout.sample([[2], [2, 2]])
        var special = Hyperparameters()
        special.lr = -0.0
        special.amsgrad = true
        return StepEntry(
            gradNorm: 1.5, clipCoef: 0.25, gradScale: 2, loss: key == nil ? nil : .nan,
            hyperparameters: [Hyperparameters(.adamw), special],
            key: key.map {
                IdempotencyKey(
                    text: $0, fingerprint: (0..<IdempotencyKey.fingerprintBytes).map { UInt8($0) })
            },
            gradients: key == nil ? .none : TensorRuns(whole: .f32, of: layout))
    }
}

extension SplitMix {
    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}

extension FileLedger {
    /// Writes a record as a desk does that has no other in its batch.
    func write(_ record: LedgerRecord, after expected: Int) throws(LedgerFailure) {
        var buffer: RecordBuffer
        do {
            buffer = try RecordBuffer()
        } catch {
            throw LedgerFailure(error)
        }
        try write(record, after: expected, &buffer)
    }
}
