import OptimizerEngine
import SeededChance
import Testing

/// The rules beside Adam's, on every instruction set of this CPU, against the reference loop.
struct RuleKernelTests {
    /// Each rule with its options, none, all and some.
    static let rules: [Hyperparameters] = [
        .init(.nadam, lr: 0.1), .init(.nadam, betas: (0.3, 0.5), momentumDecay: 0.5),
        .init(.radam, lr: 0.1), .init(.radam, betas: (0.5, 0.3)),
        .init(.radam, lr: 0.01, decoupledWeightDecay: true),
        .init(.nadam, lr: 0.01, decoupledWeightDecay: true),
        .init(.adamax), .init(.adamax, lr: 0.1, betas: (0, 0.5)),
        .init(.adagrad), .init(.adagrad, lrDecay: 0.5, initialAccumulatorValue: 0.25),
        .init(.rmsprop), .init(.rmsprop, momentum: 0.5), .init(.rmsprop, centered: true),
        .init(.rmsprop, momentum: 0.9, alpha: 0.3, centered: true),
        .init(.adadelta), .init(.adadelta, lr: 0.5, rho: 0.3),
        .init(.sgd), .init(.sgd, momentum: 0.9), .init(.sgd, momentum: 0.9, dampening: 0.5),
        .init(.sgd, momentum: 0.9, nesterov: true),
        .init(.lamb), .init(.lamb, lr: 0.1, betas: (0.3, 0.5)),
        .init(.lion), .init(.lion, lr: 0.1, betas: (0.3, 0.6)),
        .init(.muon), .init(.muon, momentum: 0.3, nesterov: false, nsSteps: 2),
    ]

    /// 26 rules × 2 maximize × 2 decay × 2 eps × 5 of clipping and scale.
    static let grid = rules.flatMap { rule in
        [false, true].flatMap { maximize in
            [0, 0.1].flatMap { decay in
                [nil, 0].map { (eps: Double?) in
                    var hyper = rule
                    hyper.maximize = maximize
                    hyper.weightDecay = decay
                    hyper.eps = eps ?? rule.eps
                    return hyper
                }
            }
        }
    }

    func checkGrid<Real: Working>(_ real: Real.Type, count: Int) throws {
        for hyper in Self.grid {
            for (clip, scale, bound) in [
                (1.0, 1.0, nil), (0.3, 1, nil), (1, 3, nil), (0.3, 3, 0.05), (1, 1, 0.2),
            ] as [(Double, Double, Double?)] {
                var random = SplitMix(8)
                let start = random.values(count).map { Real($0) }
                var reference = ReferenceOptimizer(
                    hyper, parameters: start, shape: shape(of: count, for: hyper.type))
                let optimizers = try Kernels.available.map {
                    try flat(hyper.type, hyper, start, kernels: $0)
                }
                for _ in 0..<3 {
                    let gradients: [Real] = KernelTests.gradients(count, &random)
                    var settings = StepSettings(
                        gradScale: scale, clipValue: bound, nonfinite: .propagate)
                    let norm = ReferenceOptimizer.norm([gradients], gradScale: scale)
                    settings.maxGradNorm = clip == 1 ? nil : clip * norm
                    let coefficient = settings.maxGradNorm.map {
                        ReferenceOptimizer<Real>.clipCoefficient(norm: norm, maxNorm: $0)
                    }
                    reference.step(
                        gradients, gradScale: scale, clipCoef: coefficient ?? 1, clipValue: bound)
                    for optimizer in optimizers { try optimizer.step(gradients, settings) }
                }
                for (optimizer, kernels) in zip(optimizers, Kernels.available) {
                    #expect(
                        optimizer.matches(reference),
                        "\(kernels.level), \(hyper), \(clip), \(scale), \(bound ?? -1)")
                }
            }
        }
    }

    @Test func gridInF32() throws { try checkGrid(Float.self, count: 21) }
    @Test func gridInF64() throws { try checkGrid(Double.self, count: 13) }

    /// Infinities and NaN, in gradients and in what a rule keeps, do what the formula says.
    @Test(arguments: rules) func propagatesWhatIsNotFinite(_ hyper: Hyperparameters) throws {
        let odd: [Float] = [.nan, .infinity, -.infinity, 0, -0.0, 1, -3e38, 1e-45]
        for kernels in Kernels.available {
            var reference = ReferenceOptimizer(
                hyper, parameters: odd.map { _ in 1 as Float },
                shape: shape(of: odd.count, for: hyper.type))
            let optimizer = try flat(hyper.type, hyper, reference.parameters, kernels: kernels)
            for turn in 0..<4 {
                let gradients = odd.indices.map { odd[($0 * 3 + turn) % odd.count] }
                // Every other time with a bound, which a NaN passes.
                let bound = turn % 2 == 0 ? nil : 2.0
                reference.step(gradients, clipValue: bound)
                try optimizer.step(
                    gradients, StepSettings(clipValue: bound, nonfinite: .propagate))
            }
            #expect(optimizer.matches(reference), "\(kernels.level) \(hyper)")
        }
    }

    /// Every length up to two vectors and one, off every kind of boundary, in place, writing
    /// nothing outside.
    @Test(arguments: rules) func lengths(_ hyper: Hyperparameters) throws {
        for kernels in Kernels.available {
            for count in 0...33 {
                var random = SplitMix(UInt64(count))
                let start = random.values(count).map { Float($0) }
                let gradients: [Float] = KernelTests.gradients(count, &random)
                var reference = ReferenceOptimizer(
                    hyper, parameters: start, shape: shape(of: count, for: hyper.type))
                reference.step(gradients)
                for misalignment in [0, 4, 1] {
                    let made = Made()
                    let optimizer = try FlatOptimizer(
                        elementType: .f32, slots: slots([shape(of: count, for: hyper.type)]),
                        defaults: hyper,
                        kernels: kernels,
                        memory: { made.add(TestMemory($0, misalignment: misalignment)) })
                    optimizer.startMoments()
                    start.withUnsafeBytes { optimizer.vector(.parameters)!.copyMemory(from: $0) }
                    let shared = TestMemory(gradients, misalignment: misalignment)
                    let pass = try optimizer.begin(
                        Gradients(base: shared.base, places: .whole(.f32)),
                        output: StepOutput(base: shared.base, type: .f32))
                    #expect(pass.runInline() == .apply)
                    #expect(optimizer.matches(reference), "\(kernels.level) \(count)")
                    #expect(same(shared.read(), reference.parameters))
                    #expect(shared.isIntact && made.all.allSatisfy { $0.isIntact })
                }
            }
        }
    }

    /// Gradients and answers of every width, converted on the way.
    @Test(arguments: rules, ElementType.allCases)
    func otherWidths(_ hyper: Hyperparameters, _ type: ElementType) throws {
        let count = 5000
        let start = [Float](repeating: 0.5, count: count)
        let optimizer = try flat(hyper.type, hyper, start)
        var reference = ReferenceOptimizer(
                    hyper, parameters: start, shape: shape(of: count, for: hyper.type))
        let values = (0..<count).map { Float($0 % 9 - 4) / 4 }
        let wire = TestMemory(count * type.byteCount)
        let answer = TestMemory(count * type.byteCount)
        for _ in 0..<2 {
            values.withUnsafeBytes {
                Kernels.best.convert($0.baseAddress!, .f32, to: wire.base, type, count: count)
            }
            reference.step(values)
            let pass = try optimizer.begin(
                Gradients(base: wire.base, places: .whole(type)),
                output: StepOutput(base: answer.base, type: type))
            #expect(pass.runInline() == .apply)
        }
        #expect(optimizer.matches(reference))
        let expected = TestMemory(count * type.byteCount)
        optimizer.copyParameters(to: StepOutput(base: expected.base, type: type))
        #expect(expected.read(as: UInt8.self) == answer.read(as: UInt8.self))
    }
}
