import OptimizerEngine
import SeededChance
import SystemIO
import TensorFormats
import Testing

@testable import OptimizerSessions

/// Bytes that nobody wrote end in a fault and never in a trap.
@Suite struct CodingFuzzTests {
    static let rounds = 20_000

    /// Random bytes, or good ones with a few of them changed, cut or repeated.
    private func mutated(_ good: [UInt8], _ dice: inout SplitMix) -> [UInt8] {
        guard Int.random(in: 0..<4, using: &dice) > 0 else {
            return dice.bytes(Int.random(in: 0..<200, using: &dice))
        }
        var bytes = good
        for _ in 0..<Int.random(in: 0..<4, using: &dice) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &dice)
            switch Int.random(in: 0..<4, using: &dice) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: dice.next())
            case 1: bytes[place] = [0, 1, 127, 128, 255].randomElement(using: &dice) ?? 0
            case 2: bytes.removeSubrange(place...)
            default: bytes.insert(contentsOf: bytes[place...], at: place)
            }
        }
        return bytes
    }

    @Test func stepEntries() throws {
        var dice = SplitMix(seed: 11)
        let good = try StepEntry.sample(key: "k").bytes
        let layout = try TensorLayout.sample([[2], [2, 2]])
        var readable = 0
        for _ in 0..<Self.rounds {
            let bytes = mutated(good, &dice)
            guard let entry = try? StepEntry(bytes, types: StepEntry.sampleTypes) else { continue }
            readable += 1
            // What is read is written as it was; a loss that is not there has no bits to keep.
            if entry.loss != nil { #expect(entry.bytes == bytes) }
            _ = try? entry.gradients.places(in: layout, payloadBytes: 24)
        }
        #expect(readable > 100)
    }

    @Test func runsOfTensors() throws {
        var dice = SplitMix(seed: 12)
        let layout = try TensorLayout.sample([[2], [0], [2, 2], [1]])
        let types: [ElementType?] = [.f32, nil, .f64, .bf16]
        var writer = ByteWriter()
        TensorRuns(types).write(to: &writer)
        for _ in 0..<Self.rounds {
            var reader = ByteReader(mutated(writer.bytes, &dice))
            guard let runs = try? TensorRuns(from: &reader) else { continue }
            for payloadBytes in [0, 28, 42, 56] {
                guard
                    case .each(let places)? = try? runs.places(
                        in: layout, payloadBytes: payloadBytes)
                else { continue }
                #expect(places.count == layout.tensors.count)
                for (tensor, place) in zip(layout.tensors, places) {
                    guard let place else { continue }
                    let end = place.byteOffset + place.type.byteCount * tensor.elementCount
                    #expect(place.byteOffset >= 0 && end <= payloadBytes)
                }
            }
        }
    }

    /// Random runs of every type lie where the documentation says.
    @Test func runsAreReadAsTheyWereWritten() throws {
        var dice = SplitMix(seed: 13)
        let choices: [ElementType?] = [nil] + ElementType.allCases
        for _ in 0..<500 {
            let types = (0..<Int.random(in: 1...9, using: &dice)).map { _ in
                choices.randomElement(using: &dice) ?? nil
            }
            let layout = try TensorLayout.sample(types.indices.map { [$0 % 4] })
            let runs = TensorRuns(types)
            var writer = ByteWriter()
            runs.write(to: &writer)
            var reader = ByteReader(writer.bytes)
            #expect(try TensorRuns(from: &reader) == runs && reader.isAtEnd)
            let byteCount = zip(layout.tensors, types).reduce(0) {
                $0 + $1.0.elementCount * ($1.1?.byteCount ?? 0)
            }
            switch try runs.places(in: layout, payloadBytes: byteCount) {
            case .whole(let type): #expect(types.allSatisfy { $0 == type })
            case .each(let places): #expect(places.map { $0?.type } == types)
            }
            #expect(throws: ByteReader.Fault.self) {
                try runs.places(in: layout, payloadBytes: byteCount + 1)
            }
        }
    }

    @Test func accounts() throws {
        var dice = SplitMix(seed: 14)
        let world = try World()
        let settings = SessionSettings(
            groups: [GroupSettings(name: "g", params: ["b"])], maxGradNorm: 2)
        let session = try world.session("s", .sample(settings))
        var request = StepRequest(gradients: try .whole(gradients(6)))
        request.key = .sample("k")
        try session.take(request)
        try world.fork("s", as: "t")
        for name in ["s", "t"] {
            let session = try world.store.session(named: name)
            let state = try #require(session.state)
            let good = session.account(of: state, at: 5).bytes
            let account = try SnapshotAccount(good[...], layout: session.layout)
            #expect(account.bytes == good && good.count % 8 == 0)
            for _ in 0..<Self.rounds / 2 {
                let bytes = mutated(good, &dice)
                _ = try? SnapshotAccount.version(of: bytes[...])
                _ = try? SnapshotAccount(bytes[...], layout: session.layout)
            }
        }
    }

    @Test func openingsAndHeaders() throws {
        var dice = SplitMix(seed: 15)
        let opening = SegmentOpening(session: "run", firstGeneration: 3, alignment: 8)
        let header = RecordHeader(try .sample(7), alignment: 8).bytes
        for _ in 0..<Self.rounds {
            _ = try? SegmentOpening(mutated(opening.bytes, &dice))
            // With the right checksum over the wrong numbers.
            var bytes = mutated(header, &dice)
            if bytes.count == RecordLayout.headerBytes {
                var checksum = ByteWriter()
                checksum.integer(bytes[12...].withUnsafeBytes { Kernels.best.crc32c($0) })
                bytes.replaceSubrange(8..<12, with: checksum.bytes)
            }
            guard let read = try? RecordHeader(bytes, alignment: 8) else { continue }
            let source = MemorySource(bytes: bytes + [UInt8](repeating: 0, count: 64))
            var reader = try RecordReader(
                source, alignment: 8, offset: 0, after: read.position &- 1)
            _ = try reader.read()
        }
    }

    @Test func numbersAndTexts() {
        var dice = SplitMix(seed: 16)
        for _ in 0..<Self.rounds {
            let bytes = dice.bytes(Int.random(in: 0..<40, using: &dice))
            var reader = ByteReader(bytes)
            for _ in 0..<6 {
                let before = reader.remaining
                switch Int.random(in: 0..<6, using: &dice) {
                case 0: _ = try? reader.integer(UInt64.self)
                case 1: _ = try? reader.count(UInt64.self)
                case 2: _ = try? reader.text()
                case 3: _ = try? reader.raw(Int(truncatingIfNeeded: dice.next()))
                case 4: _ = try? reader.hyperparameters(of: .adam)
                default: _ = try? reader.tag()
                }
                #expect(reader.remaining <= before && reader.remaining >= 0)
            }
        }
    }
}
