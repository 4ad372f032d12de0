import OptimizerEngine
import SeededChance
import Testing

/// What must hold whatever the numbers are.
struct LawTests {
    static let start: [Float] = { var r = SplitMix(11); return r.values(50).map { Float($0) } }()

    private func run(
        _ hyper: Hyperparameters, _ type: OptimizerType = .adam,
        transform: (Float) -> Float = { $0 }, settings: StepSettings = StepSettings()
    ) throws -> FlatOptimizer {
        let optimizer = try flat(type, hyper, Self.start)
        var random = SplitMix(12)
        for _ in 0..<5 {
            try optimizer.step(random.values(50).map { transform(Float($0)) }, settings)
        }
        return optimizer
    }

    private func expectSame(_ a: FlatOptimizer, _ b: FlatOptimizer) {
        for which in [StateVector.parameters, .expAvg, .expAvgSq] {
            #expect(same(a.values(which, as: Float.self), b.values(which, as: Float.self)))
        }
    }

    @Test func scaleByAPowerOfTwoCancels() throws {
        let scaled = try run(
            .init(), transform: { $0 * 65_536 }, settings: StepSettings(gradScale: 65_536))
        expectSame(scaled, try run(.init()))
    }

    @Test func maximizeIsDescentOfTheNegative() throws {
        expectSame(
            try run(Hyperparameters(weightDecay: 0.1, maximize: true)),
            try run(Hyperparameters(weightDecay: 0.1), transform: { -$0 }))
    }

    @Test func withoutDecayAdamIsAdamW() throws {
        expectSame(try run(.init()), try run(.init(), .adamw))
    }

    @Test func generousClippingIsNone() throws {
        expectSame(try run(.init(), settings: StepSettings(maxGradNorm: 1e9)), try run(.init()))
    }

    @Test func zeroRateMovesNothing() throws {
        let optimizer = try run(Hyperparameters(lr: 0, weightDecay: 0.5), .adamw)
        #expect(same(optimizer.values(.parameters), Self.start))
        #expect(optimizer.steps == [5])
    }

    /// A step's own rates are the group's rates for that step only.
    @Test func ratesOfOneStep() throws {
        let overridden = try run(Hyperparameters(lr: 0.5), settings: StepSettings(lr: [0.01]))
        expectSame(overridden, try run(Hyperparameters(lr: 0.01)))
        #expect(overridden.groups[0].hyperparameters.lr == 0.5)
    }

    /// How parameters are divided into tensors and groups does not matter without clipping.
    @Test func divisionIntoTensorsDoesNotShow() throws {
        let whole = try run(.init())
        let parts = try flat(
            .adam, .init(), Self.start, counts: [7, 0, 30, 13],
            groups: [GroupSpecification(name: "g", members: [2], overrides: .init(lr: 1e-3))])
        var random = SplitMix(12)
        for _ in 0..<5 { try parts.step(random.values(50).map { Float($0) }) }
        expectSame(parts, whole)
    }

    /// A run that is broken off and resumed from its vectors and steps goes on with the same bits.
    @Test func resumedRunsAreTheSameRun() throws {
        let whole = try run(Hyperparameters(amsgrad: true))
        var random = SplitMix(12)
        let first = try flat(.adam, Hyperparameters(amsgrad: true), Self.start)
        for _ in 0..<2 { try first.step(random.values(50).map { Float($0) }) }
        let second = try flat(.adam, Hyperparameters(amsgrad: true), Self.start)
        for which in StateVector.allCases where first.vector(which) != nil {
            second.vector(which)!.copyMemory(from: .init(first.vector(which)!))
        }
        try second.restore(steps: first.steps)
        for _ in 0..<3 { try second.step(random.values(50).map { Float($0) }) }
        expectSame(second, whole)
        #expect(second.steps == whole.steps)
    }

    @Test func stepCountsAreChecked() throws {
        let optimizer = try flat(.adam, .init(), [1, 1] as [Float], counts: [1, 1])
        #expect(throws: OptimizerError.self) { try optimizer.restore(steps: [1]) }
        #expect(throws: OptimizerError.state(.invalidStep(entry: "p1/step", step: -1))) {
            try optimizer.restore(steps: [3, -1])
        }
        #expect(optimizer.steps == [0, 0])
        try optimizer.restore(steps: [5, SlotProgress.maximumStep])
        #expect(try optimizer.step([1, 1] as [Float]) == .apply)
        #expect(optimizer.steps == [6, SlotProgress.maximumStep])
    }
}
