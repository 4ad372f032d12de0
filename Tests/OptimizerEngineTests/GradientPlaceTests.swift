import OptimizerEngine
import Testing

/// Gradients of any type at any place, absent ones, and outputs of any type.
struct GradientPlaceTests {
    static let start: [Float] = (0..<9000).map { Float($0 % 97) / 8 - 6 }
    static let counts = [3000, 5000, 1000]

    private func reference(_ gradients: [Float]) -> ReferenceOptimizer<Float> {
        var reference = ReferenceOptimizer(
            .adam, Hyperparameters(weightDecay: 0.5), parameters: Self.start)
        reference.step(gradients)
        return reference
    }

    private func optimizer(_ type: ElementType = .f32) throws -> FlatOptimizer {
        try flat(
            .adam, Hyperparameters(weightDecay: 0.5), Self.start, counts: Self.counts,
            elementType: type)
    }

    /// Multiples of 1/8 below 8 are exact in every type.
    private let gradients: [Float] = (0..<9000).map { Float($0 % 113) / 8 - 7 }

    private func memory(_ type: ElementType) -> TestMemory {
        let source = TestMemory(gradients)
        let result = TestMemory(gradients.count * type.byteCount)
        Kernels.best.convert(source.base, .f32, to: result.base, type, count: gradients.count)
        return result
    }

    @Test(arguments: ElementType.allCases, ElementType.allCases)
    func typesInAndOut(_ input: ElementType, _ output: ElementType) throws {
        try check(Float.self, input, output)
        try check(Double.self, input, output)
    }

    private func check<Real: Working>(
        _ real: Real.Type, _ input: ElementType, _ output: ElementType
    ) throws {
        let hyper = Hyperparameters(weightDecay: 0.5)
        let start = Self.start.map { Real($0) }
        var expected = ReferenceOptimizer(.adam, hyper, parameters: start)
        expected.step(gradients.map { Real($0) })
        let optimizer = try flat(.adam, hyper, start, counts: Self.counts)
        let source = memory(input)
        // Same width: the answer replaces the gradients.
        let shares = input.byteCount == output.byteCount
        let target = shares ? source : TestMemory(9000 * output.byteCount)
        let pass = try optimizer.begin(
            Gradients(base: source.base, places: .whole(input)),
            output: StepOutput(base: target.base, type: output))
        #expect(pass.runInline() == .apply)
        #expect(optimizer.matches(expected))
        let exact = TestMemory(expected.parameters)
        let converted = TestMemory(9000 * output.byteCount)
        Kernels.best.convert(exact.base, Real.type, to: converted.base, output, count: 9000)
        #expect(target.read(as: UInt8.self) == converted.read(as: UInt8.self))
        #expect(target.isIntact)
        let exported = TestMemory(9000 * output.byteCount)
        optimizer.copyParameters(to: StepOutput(base: exported.base, type: output))
        #expect(exported.read(as: UInt8.self) == converted.read(as: UInt8.self))
    }

    @Test func absentGradientsLeaveTheParameterButNotTheOutput() throws {
        let optimizer = try optimizer()
        let source = memory(.bf16)
        let places: [GradientPlace?] = [
            GradientPlace(byteOffset: 0, type: .bf16), nil,
            GradientPlace(byteOffset: 8000 * 2, type: .bf16),
        ]
        let target = TestMemory(9000 * 4)
        let pass = try optimizer.begin(
            Gradients(base: source.base, places: .each(places)),
            output: StepOutput(base: target.base, type: .f32))
        #expect(pass.runInline() == .apply)
        #expect(optimizer.steps == [1, 0, 1])
        let expected = reference(gradients)
        let values: [Float] = optimizer.values(.parameters)
        #expect(values[..<3000] == expected.parameters[..<3000])
        #expect(values[3000..<8000] == Self.start[3000..<8000])
        #expect(values[8000...] == expected.parameters[8000...])
        let moments: [Float] = optimizer.values(.expAvg)
        #expect(moments[3000..<8000].allSatisfy { $0 == 0 })
        #expect(same(target.read(), values))
        let present = [Array(gradients[..<3000]), Array(gradients[8000...])]
        #expect(pass.gradNorm == ReferenceOptimizer.norm(present))
    }

    /// Slots that have taken different numbers of steps get their own bias corrections.
    @Test func stepsCountForEachParameter() throws {
        let optimizer = try optimizer()
        let source = TestMemory(gradients)
        func places(_ present: [Bool]) -> [GradientPlace?] {
            zip(present, [0, 3000, 8000]).map {
                $0 ? GradientPlace(byteOffset: $1 * 4, type: .f32) : nil
            }
        }
        for present in [[true, false, true], [true, true, false], [true, true, true]] {
            let pass = try optimizer.begin(
                Gradients(base: source.base, places: .each(places(present))))
            #expect(pass.runInline() == .apply)
        }
        #expect(optimizer.steps == [3, 2, 2])
        let values: [Float] = optimizer.values(.parameters)
        for (range, steps) in [(0..<3000, 3), (3000..<8000, 2), (8000..<9000, 2)] {
            var reference = ReferenceOptimizer(
                .adam, Hyperparameters(weightDecay: 0.5), parameters: Array(Self.start[range]))
            for _ in 0..<steps { reference.step(Array(gradients[range])) }
            #expect(same(Array(values[range]), reference.parameters))
        }
    }

    /// Swapped places do not merge; each slot finds its own gradient.
    @Test func placesInAnotherOrder() throws {
        let optimizer = try flat(.adam, .init(), [0, 0, 0, 0] as [Float], counts: [2, 2])
        let source = TestMemory([3, 4, 1, 2] as [Float])
        let places = [
            GradientPlace(byteOffset: 8, type: .f32), GradientPlace(byteOffset: 0, type: .f32),
        ]
        let pass = try optimizer.begin(Gradients(base: source.base, places: .each(places)))
        #expect(pass.segmentCount == 2)
        #expect(pass.runInline() == .apply)
        var reference = ReferenceOptimizer<Float>(.adam, .init(), parameters: [0, 0, 0, 0])
        reference.step([1, 2, 3, 4])
        #expect(optimizer.matches(reference))
    }

    @Test func oneSlotInAndOut() throws {
        let optimizer = try flat(.adam, .init(), [1, 2, 3] as [Float], counts: [1, 2],
            elementType: .f16)
        let source = TestMemory([Float16(0.1), 7])
        optimizer.overwriteParameters(slot: 1, from: source.base, type: .f16)
        #expect(optimizer.values(.parameters) == [1, Float(Float16(0.1)), 7])
        let target = TestMemory(2 * 8)
        optimizer.copyParameters(slot: 1, to: target.base, type: .f64)
        #expect(target.read() == [Double(Float16(0.1)), 7])
        #expect(optimizer.values(.expAvg) == [0, 0, 0] as [Float])
    }
}
