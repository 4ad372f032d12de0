import OptimizerEngine

@testable import OptimizerSessions

/// A record's detail, where it can be read at all, is written as it was read.
enum DetailAudit {
    static func check(_ record: LedgerRecord, _ log: LogKind) throws {
        let detail = record.detail
        switch record.kind {
        case .opening:
            let written = log == .segment
                ? try? SegmentOpening(detail).bytes : try? JournalOpening(detail).bytes
            try requireEqual(written ?? detail, detail, "an opening is written as it was read")
        case .step, .skip:
            // A flag, norm, coefficient, scale and loss come before the number of groups, whose
            // types the record does not say.
            guard detail.count > 37 else { return }
            let groups = Int(detail.number(at: 33, UInt32.self))
            guard groups <= detail.count else { return }
            for type in OptimizerType.allCases {
                let types = [OptimizerType](repeating: type, count: groups)
                guard let entry = try? StepEntry(detail, types: types) else { continue }
                // A loss that is not there has no bits to keep.
                if entry.loss == nil { continue }
                try requireEqual(entry.bytes, detail, "a step is written as it was read")
            }
        case .parameters:
            var reader = ByteReader(detail)
            guard let runs = try? TensorRuns(from: &reader), reader.isAtEnd else { return }
            var writer = ByteWriter()
            runs.write(to: &writer)
            try requireEqual(writer.bytes, detail, "runs are written as they were read")
        case .batch:
            let payload = record.payload.byteCount
            guard let batch = try? JournalBatch(detail, payloadBytes: payload) else { return }
            let total = batch.pieces.reduce(0) { $0 + $1.byteCount }
            try requireEqual(total, payload, "the pieces of a batch are all of it")
            let names = batch.pieces.map(\.session)
            try require(names.allSatisfy(SessionName.isValid), "sessions have valid names")
        case .gradients:
            guard let entry = try? GradientsEntry(detail) else { return }
            try requireEqual(entry.bytes, detail, "gradients are written as they were read")
        case .settings, .state, .zeroGradients:
            return
        }
    }
}
