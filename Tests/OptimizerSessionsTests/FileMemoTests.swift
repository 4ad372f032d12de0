import OptimizerEngine
import Testing

@testable import OptimizerSessions
@testable import TensorFormats

/// What a session remembers of its safetensors files, and what that costs.
@Suite struct FileMemoTests {
    /// The tensors of `layout` as a client's file has them, read with what the session knows.
    private func read(_ session: Session) throws -> SafetensorsTensors {
        let file = try SafetensorsWriter.header(tensors: session.layout.tensors)
        return try file.withUnsafeBytes { bytes in
            let text = UnsafeRawBufferPointer(rebasing: bytes[8...])
            return try SafetensorsHeader.parse(text, recall: session.recall).list
        }
    }

    private func placement(_ list: SafetensorsTensors, _ session: Session) -> GradientPlacement {
        let indices = Array(list.entries.indices)
        return GradientPlacement(
            list, types: indices.map { _ in .f32 }, indices: indices, in: session.layout)
    }

    @Test func whatIsRememberedCountsAsStateUntilTheSessionGoes() throws {
        let world = try World()
        do {
            let session = try world.session("s", .sample())
            let before = world.store.budget.inUseBytes
            let list = try read(session)
            #expect(session.placement(of: list) == nil)
            session.remember(placement(list, session), of: list)
            #expect(session.placement(of: list) != nil)
            #expect(session.placement(of: SafetensorsTensors(list.entries)) == nil)
            #expect(try read(session) === list)
            let received = world.store.budget.inUseBytes
            #expect(received > before + list.textByteCount)

            // One header is kept: the last one.
            for type in [ElementType.f32, .f64, .f64, .f32] {
                let header = try session.fileHeader(of: type)
                let tensors = session.layout.tensors
                #expect(try header == SafetensorsWriter.header(tensors: tensors, as: type.dtype))
                #expect(world.store.budget.inUseBytes == received + header.count)
            }
            try world.remove("s")
        }
        #expect(world.store.budget.inUseBytes == 0)
    }

    @Test func aFullBudgetRemembersNothingAndRefusesNothing() throws {
        let roomy = try World()
        try roomy.create("s", .sample())
        let world = try World(stateBytes: roomy.store.budget.inUseBytes)
        let session = try world.session("s", .sample())
        let list = try read(session)
        session.remember(placement(list, session), of: list)
        #expect(session.placement(of: list) == nil)
        let header = try session.fileHeader(of: .f32)
        #expect(try header == SafetensorsWriter.header(tensors: session.layout.tensors))
        #expect(world.store.budget.inUseBytes == world.store.budget.limitBytes)
    }
}
