import OptimizerEngine
import SeededChance
import SystemIO
import TensorFormats
import Testing

@testable import OptimizerSessions

@Suite struct SnapshotFileTests {
    private let limits = StateFile.limits(for: FormatLimits())

    /// Written from a copy and from where the state lies, around the borders of what one call
    /// takes.
    @Test(arguments: [1, 6, 1000, 87_040, 87_381, 262_144, 300_001], [ElementType.f32, .f16])
    func bothWaysOfWritingGiveTheSameFile(_ count: Int, _ type: ElementType) throws {
        let world = try World()
        var settings = SessionSettings()
        settings.defaults.amsgrad = true
        let session = try world.session("s", .sample(settings, shapes: [[count]], type))
        try session.take(gradients(count))
        let state = try #require(session.state)
        let account = session.account(of: state, at: 7)
        let directory = try TemporaryDirectory()
        let images = [
            try SnapshotImage(of: state, account, copyingTo: world.pool),
            try SnapshotImage(of: state, account),
        ]
        for (name, image) in zip(["copy", "place"], images) {
            #expect(image.position == 7 && image.step == 1)
            try image.write(to: "\(directory.path)/\(name)")
        }
        let bytes = try directory.bytes("copy")
        #expect(try directory.bytes("place") == bytes)
        #expect(bytes.dropLast(4).withUnsafeBytes { Kernels.best.crc32c($0) } == checksum(bytes))
        let contents = try SnapshotContents("\(directory.path)/copy", limits: limits)
        #expect(contents.account.bytes == account.bytes)
        #expect(contents.state.step == 1 && contents.state.layout == session.layout)
        let exported = try StateImport(try session.state())
        for vector in StateVector.allCases {
            #expect(contents.state.vector(vector) == exported.vector(vector))
        }
    }

    /// Any reader of safetensors takes it: what belongs to the ledger stands behind the state.
    @Test func aSnapshotIsAStateFileWithTwoTensorsMore() throws {
        let (bytes, session) = try sample()
        let header = try SafetensorsHeader.parse(file: bytes)
        let own = try SafetensorsHeader.parse(file: try session.state())
        #expect(header.tensors.map(\.name) == own.tensors.map(\.name) + [
            SnapshotImage.accountName, SnapshotImage.checksumName,
        ])
        #expect(header.metadata.count == own.metadata.count)
        #expect(8 + headerBytes(bytes) + header.dataByteCount == bytes.count)
        #expect(header.tensors.suffix(2).allSatisfy { $0.begin % 4 == 0 })
    }

    @Test func everyFlippedBitIsNoticed() throws {
        let (bytes, _) = try sample()
        var dice = SplitMix(seed: 5)
        for _ in 0..<3000 {
            let bit = Int.random(in: 0..<8 * bytes.count, using: &dice)
            let error = #expect(throws: LedgerFault.self) { try read(bytes.flipping(bit)) }
            guard case .damaged? = error else {
                Issue.record("bit \(bit)")
                return
            }
        }
        for end in 0..<bytes.count {
            #expect(throws: LedgerFault.self) { try read(Array(bytes[..<end])) }
        }
    }

    @Test func aNewerAccountIsToldFromADamagedOne() throws {
        var (bytes, session) = try sample()
        let header = try SafetensorsHeader.parse(file: bytes)
        let entry = try #require(header.tensors.first { $0.name == SnapshotImage.accountName })
        bytes[8 + headerBytes(bytes) + entry.begin] = 2
        #expect(throws: LedgerFault.newer(file: "snapshot", version: 2)) {
            try read(sealed(bytes))
        }
        withExtendedLifetime(session) {}
    }

    /// A file that lies about itself under a good checksum: whoever wrote it, it ends in a fault.
    @Test func liesUnderAGoodChecksumAreDamage() throws {
        let (bytes, _) = try sample()
        for count in [4, 8, 64, 100] {
            var short = bytes
            short.removeSubrange(bytes.count - 4 - count..<bytes.count - 4)
            #expect(throws: LedgerFault.self) { try read(sealed(short)) }
            let long = bytes.dropLast(4) + [UInt8](repeating: 0, count: count + 4)
            #expect(throws: LedgerFault.self) { try read(sealed(Array(long))) }
        }
        var dice = SplitMix(seed: 6)
        let most = 8 + headerBytes(bytes)
        for _ in 0..<3000 {
            var bytes = bytes
            for _ in 0..<Int.random(in: 1...3, using: &dice) {
                let place = Int.random(in: 0..<most, using: &dice)
                bytes[place] = UInt8.random(in: 0x20..<0x7F, using: &dice)
            }
            // What is still good is a state of the same size.
            guard let contents = try? read(sealed(bytes)) else { continue }
            #expect(contents.state.layout.elementCount == 6)
        }
    }

    private func sample() throws -> (bytes: [UInt8], session: Session) {
        let world = try World()
        let session = try world.session("s", .sample())
        var request = StepRequest(gradients: try .whole(gradients(6)))
        request.key = .sample("k")
        try session.take(request)
        let state = try #require(session.state)
        let directory = try TemporaryDirectory()
        try SnapshotImage(of: state, session.account(of: state, at: 1))
            .write(to: "\(directory.path)/s")
        return (try directory.bytes("s"), session)
    }

    @discardableResult
    private func read(_ bytes: [UInt8]) throws -> SnapshotContents {
        try SnapshotContents(try Slab(bytes), path: "snapshot", limits: limits)
    }

    private func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.suffix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private func headerBytes(_ bytes: [UInt8]) -> Int {
        bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// With the checksum that belongs to the other bytes.
    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        let front = Array(bytes.dropLast(4))
        var writer = ByteWriter()
        writer.integer(front.withUnsafeBytes { Kernels.best.crc32c($0) })
        return front + writer.bytes
    }
}
