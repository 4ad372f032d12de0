import OptimizerEngine
import SeededChance
import Testing

/// Every instruction set of this CPU against the reference loop.
struct KernelTests {
    struct Options: Sendable, CustomStringConvertible {
        var type: OptimizerType
        var hyper: Hyperparameters
        var clip: Double
        var scale: Double
        var description: String { "\(type) \(hyper) clip \(clip) scale \(scale)" }
    }

    /// 2 amsgrad × 2 maximize × 3 decay × 6 betas × 2 eps × 2 clip × 2 scale = 576.
    static let grid: [Options] = {
        let betas = [(0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 0.999), (0.9, 0.0), (0.6, 0.99)]
        var grid: [Options] = []
        for amsgrad in [false, true] {
            for maximize in [false, true] {
                for (type, decay) in [(OptimizerType.adam, 0.0), (.adam, 0.1), (.adamw, 0.1)] {
                    for beta in betas {
                        for eps in [1e-8, 0] {
                            for (clip, scale) in [(1.0, 1.0), (0.3, 1.0), (1, 3), (0.3, 3)] {
                                let hyper = Hyperparameters(
                                    lr: 0.01, betas: beta, eps: eps, weightDecay: decay,
                                    amsgrad: amsgrad, maximize: maximize)
                                grid.append(
                                    Options(type: type, hyper: hyper, clip: clip, scale: scale))
                            }
                        }
                    }
                }
            }
        }
        return grid
    }()

    /// Gradients with the values that arithmetic stumbles over among ordinary ones.
    static func gradients<Real: Working>(_ count: Int, _ random: inout SplitMix) -> [Real] {
        let odd: [Real] = [
            0, -0.0, .leastNonzeroMagnitude, -.leastNormalMagnitude, Real(1e-20), Real(-1e15),
        ]
        return (0..<count).map { index in
            let value = Real(random.value())
            return index % 5 == 4 ? odd[(index / 5) % odd.count] : value
        }
    }

    func checkGrid<Real: Working>(_ real: Real.Type, count: Int) throws {
        #expect(Self.grid.count == 576)
        for options in Self.grid {
            var random = SplitMix(7)
            let start = random.values(count).map { Real($0) }
            var reference = ReferenceOptimizer(options.type, options.hyper, parameters: start)
            let optimizers = try Kernels.available.map {
                try flat(options.type, options.hyper, start, kernels: $0)
            }
            for _ in 0..<3 {
                let gradients: [Real] = Self.gradients(count, &random)
                var settings = StepSettings(gradScale: options.scale, nonfinite: .propagate)
                let norm = ReferenceOptimizer.norm([gradients], gradScale: options.scale)
                var coefficient = 1.0
                if options.clip != 1 {
                    settings.maxGradNorm = options.clip * norm
                    coefficient = ReferenceOptimizer<Real>.clipCoefficient(
                        norm: norm, maxNorm: options.clip * norm)
                }
                reference.step(gradients, gradScale: options.scale, clipCoef: coefficient)
                for optimizer in optimizers { try optimizer.step(gradients, settings) }
            }
            for (optimizer, kernels) in zip(optimizers, Kernels.available) {
                #expect(optimizer.matches(reference), "\(kernels.level), \(options)")
            }
        }
    }

    @Test func gridInF32() throws { try checkGrid(Float.self, count: 21) }
    @Test func gridInF64() throws { try checkGrid(Double.self, count: 13) }

    @Test func baselineIsAlwaysThere() {
        #expect(Kernels.available.first?.level == .baseline)
        #expect(Kernels.best.level == Kernels.available.last?.level)
    }

    /// Every length from none to four vectors and one, off every kind of boundary, in place and
    /// beside, writing nothing outside.
    func checkLengths<Real: Working>(_ real: Real.Type, lanes: Int) throws {
        let hyper = Hyperparameters(lr: 0.1, weightDecay: 0.01, amsgrad: true)
        let width = MemoryLayout<Real>.stride
        for kernels in Kernels.available {
            for count in 0...(4 * lanes + 1) {
                var random = SplitMix(UInt64(count))
                let start = random.values(count).map { Real($0) }
                let gradients: [Real] = Self.gradients(count, &random)
                var reference = ReferenceOptimizer(.adam, hyper, parameters: start)
                reference.step(gradients)
                for misalignment in [0, width, 3 * width, 1] {
                    let made = Made()
                    let optimizer = try FlatOptimizer(
                        elementType: Real.type, slots: slots([count]),
                        defaults: hyper, kernels: kernels,
                        memory: { made.add(TestMemory($0, misalignment: misalignment)) })
                    start.withUnsafeBytes {
                        optimizer.vector(.parameters)!.copyMemory(from: $0)
                    }
                    let shared = TestMemory(gradients, misalignment: misalignment)
                    let pass = try optimizer.begin(
                        Gradients(base: shared.base, places: .whole(Real.type)),
                        output: StepOutput(base: shared.base, type: Real.type))
                    #expect(pass.runInline() == .apply)
                    #expect(optimizer.matches(reference), "\(kernels.level) \(count)")
                    #expect(same(shared.read(), reference.parameters))
                    #expect(shared.isIntact && made.all.allSatisfy { $0.isIntact })
                    #expect(pass.gradNorm == ReferenceOptimizer.norm([gradients]))
                }
            }
        }
    }

    @Test func lengthsInF32() throws { try checkLengths(Float.self, lanes: 16) }
    @Test func lengthsInF64() throws { try checkLengths(Double.self, lanes: 8) }
}
