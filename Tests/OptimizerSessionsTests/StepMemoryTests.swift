import OptimizerEngine
import SystemIO
import Testing

@testable import OptimizerSessions

/// Where a step's answer lies: over the gradients where it may, in a slab of the pool otherwise.
@Suite struct StepMemoryTests {
    private func request(_ gradients: StepGradients, _ type: ElementType) -> StepRequest {
        var request = StepRequest(gradients: gradients)
        request.reply = .vector(type)
        return request
    }

    @Test func theAnswerIsWrittenOverTheGradients() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        let slab = try Slab(gradients(6), .f32)
        let whole = try session.take(
            request(StepGradients(slab: slab, places: .whole(.f32)), .f32))
        let output = try #require(whole.output)
        #expect(output.slab === slab && output.byteCount == 24)
        #expect(output.doubles == (try session.parameters()))

        let apart = try Slab(gradients(6), .f32)
        let places = StepGradients(
            slab: apart,
            places: .each([
                GradientPlace(byteOffset: 0, type: .f32), GradientPlace(byteOffset: 8, type: .f32),
            ]))
        #expect(try session.take(request(places, .f32)).output?.slab === apart)
        #expect(world.pool.inUseBytes == 0)
    }

    @Test func sixteenBitAnswersFitOverSixteenBitGradients() throws {
        let world = try World()
        let session = try world.session("s", .sample(shapes: [[6]], .f16))
        let slab = try Slab(gradients(6), .bf16)
        let outcome = try session.take(
            request(StepGradients(slab: slab, places: .whole(.bf16)), .f16))
        #expect(outcome.output?.slab === slab)
    }

    @Test func otherwiseItComesFromThePoolAndGoesBack() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        var outcomes: [StepOutcome] = []
        let swapped = StepGradients(
            slab: try Slab(gradients(6), .f32),
            places: .each([
                GradientPlace(byteOffset: 16, type: .f32), GradientPlace(byteOffset: 0, type: .f32),
            ]))
        for (gradients, type) in [
            (try StepGradients.whole(gradients(6), isShared: true), ElementType.f32),
            (try .whole(gradients(6)), .f64), (try .whole(gradients(6)), .bf16), (swapped, .f32),
        ] {
            let before = Array(gradients.slab.bytes)
            let outcome = try session.take(request(gradients, type))
            #expect(outcome.output?.slab !== gradients.slab)
            #expect(Array(gradients.slab.bytes) == before)
            outcomes.append(outcome)
        }
        #expect(world.pool.inUseBytes > 0)
        outcomes = []
        #expect(world.pool.inUseBytes == 0)
    }

    @Test func withoutRoomForTheAnswerNothingChanges() throws {
        let world = try World(poolBytes: 16_384)
        let session = try world.session("s", .sample(shapes: [[6000]]))
        var before = try StateOfStep(session)
        let gradients = try StepGradients.whole(gradients(6000), isShared: true)
        #expect(throws: SessionError.overBudget(.bodyBytes, limit: 16_384, asked: 24_000)) {
            try session.take(self.request(gradients, .f32))
        }
        #expect(try StateOfStep(session) == before)
        // Without an answer the same step needs no memory.
        try session.take(StepRequest(gradients: gradients))
        before.tag = SessionTag(generation: 1, step: 1)
        #expect(session.tag == before.tag)
    }

    /// The state when the pool is too small for an export.
    private struct StateOfStep: Equatable {
        var tag: SessionTag
        let parameters: [Double]

        init(_ session: Session) throws {
            tag = session.tag
            parameters = try session.parametersByPieces()
        }
    }
}

extension Session {
    fileprivate func parametersByPieces() throws -> [Double] {
        // One tensor in 16 bits at a time fits where nothing larger does.
        let reading = try wait { readParameters(type: .bf16, tensor: 0, completion: $0) }
        return reading.vector.map { $0.bytes.map(Double.init) } ?? []
    }
}
