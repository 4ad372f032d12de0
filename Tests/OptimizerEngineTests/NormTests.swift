import OptimizerEngine
import SeededChance
import Testing

struct NormTests {
    /// Lengths around lanes and blocks; each tensor's blocks start afresh.
    @Test(arguments: Kernels.available) func normEqualsReference(_ kernels: Kernels) throws {
        let counts = [0, 1, 15, 16, 17, 4095, 4096, 4097, 8192, 10_001]
        var random = SplitMix(5)
        let parts = counts.map { random.values($0).map { Float($0) } }
        let wide = parts.map { $0.map { Double($0) } }
        let all = parts.flatMap { $0 }
        let optimizer = try flat(.adam, .init(), all, counts: counts, kernels: kernels)
        let optimizer64 = try flat(
            .adam, .init(), wide.flatMap { $0 }, counts: counts, kernels: kernels)
        for scale in [1.0, 3, 1024] {
            let settings = StepSettings(gradScale: scale)
            #expect(
                try norm(optimizer, all, settings)
                    == ReferenceOptimizer.norm(parts, gradScale: scale))
            #expect(
                try norm(optimizer64, wide.flatMap { $0 }, settings)
                    == ReferenceOptimizer.norm(wide, gradScale: scale))
        }
    }

    /// The other norms likewise, NaN and infinities among the elements or not.
    @Test(arguments: Kernels.available, GradientNorm.allCases)
    func everyNormEqualsReference(_ kernels: Kernels, _ type: GradientNorm) throws {
        let counts = [3, 0, 16, 4097, 33]
        var random = SplitMix(7)
        var parts = counts.map { random.values($0).map { Float($0) } }
        for odd in [nil, (3, 4000), (0, 1), (4, 32)] as [(Int, Int)?] {
            for value in [.infinity, -.infinity, .nan] as [Float] {
                if let odd { parts[odd.0][odd.1] = value }
                let all = parts.flatMap { $0 }
                let optimizer = try flat(.sgd, .init(.sgd), all, counts: counts, kernels: kernels)
                let settings = StepSettings(
                    gradScale: 3, normType: type, nonfinite: .propagate)
                let own = try norm(optimizer, all, settings)
                let expected = ReferenceOptimizer.norm(parts, type, gradScale: 3)
                #expect(same([own], [expected]), "\(type) \(String(describing: odd)) \(value)")
                let wide = try flat(
                    .sgd, .init(.sgd), all.map { Double($0) }, counts: counts, kernels: kernels)
                let other = try norm(wide, all.map { Double($0) }, settings)
                let reference = ReferenceOptimizer.norm(
                    parts.map { $0.map { Double($0) } }, type, gradScale: 3)
                #expect(same([other], [reference]))
            }
        }
    }

    /// 3, 4 and 12 have norms that are easily told, and each tensor has its own.
    @Test func normsOfTensors() throws {
        let gradients: [Double] = [3, -4, 12, 0]
        let expected: [(GradientNorm, Double, [Double])] = [
            (.one, 19, [7, 12, 0]), (.two, 13, [5, 12, 0]), (.infinity, 12, [4, 12, 0]),
            (.three, 1819.squareRoot(), [91, 1728, 0]),
        ]
        for (type, all, each) in expected {
            let optimizer = try flat(.adam, .init(), gradients, counts: [2, 1, 1])
            try gradients.withUnsafeBytes { bytes in
                let place = (0..<3).map { GradientPlace(byteOffset: [0, 16, 24][$0], type: .f64) }
                let pass = try optimizer.begin(
                    Gradients(base: bytes.baseAddress!, places: .each(place)),
                    StepSettings(maxGradNorm: all / 2, normType: type))
                _ = pass.runInline()
                let norms = pass.tensorNorms().map { $0 ?? -1 }
                guard type == .three else {
                    #expect(pass.gradNorm == all && norms == each)
                    #expect(pass.clipCoef == all / 2 / (all + 1e-6))
                    return
                }
                for (norm, cube) in zip(norms + [pass.gradNorm], each + [1819]) {
                    #expect(abs(norm * norm * norm - cube) < 1e-9)
                }
            }
        }
        let one = try flat(.adam, .init(), [1, 2] as [Float], counts: [1, 1])
        let memory = TestMemory([7 as Float])
        let pass = try one.begin(
            Gradients(
                base: memory.base, places: .each([nil, GradientPlace(byteOffset: 0, type: .f32)])))
        _ = pass.runInline()
        #expect(pass.tensorNorms() == [nil, 7])
    }

    @Test func boundsAreGuarded() throws {
        let optimizer = try flat(.adam, .init(), [1] as [Float])
        for value in [-1, .nan, .infinity] {
            let error = #expect(throws: HyperparameterError.self) {
                try optimizer.step([1] as [Float], StepSettings(clipValue: value))
            }
            #expect(error?.name == "clip_value")
        }
        // No gradient at all is left then.
        try optimizer.step([5] as [Float], StepSettings(clipValue: 0))
        #expect(optimizer.values(.parameters) == [1 as Float])
    }

    private func norm<Real: Working>(
        _ optimizer: FlatOptimizer, _ gradients: [Real], _ settings: StepSettings
    ) throws -> Double {
        try gradients.withUnsafeBytes { bytes in
            let pass = try optimizer.begin(
                Gradients(base: bytes.baseAddress!, places: .whole(Real.type)), settings)
            #expect(pass.runInline() == .apply)
            return pass.gradNorm
        }
    }

    /// The same values in any type and at any place have the same norm.
    @Test func arrivalDoesNotShow() throws {
        let counts = [5000, 77]
        var random = SplitMix(6)
        let halves = random.values(5077).map { Float16($0) }
        let singles = halves.map { Float($0) }
        let start = [Float](repeating: 0, count: 5077)
        let expected = try norm(try flat(.adam, .init(), start, counts: counts), singles, .init())
        let sixteen = TestMemory(halves, misalignment: 2)
        let doubles = TestMemory(singles.map { Double($0) })
        let split = try flat(.adam, .init(), start, counts: counts)
        let place = [
            GradientPlace(byteOffset: 0, type: .f16),
            GradientPlace(byteOffset: doubles.base - sixteen.base + 5000 * 8, type: .f64),
        ]
        let pass = try split.begin(Gradients(base: sixteen.base, places: .each(place)))
        #expect(pass.runInline() == .apply)
        #expect(pass.gradNorm == expected)
    }

    @Test func clippingBounds() throws {
        let optimizer = try flat(.adam, .init(), [0.0, 0.0])
        func coefficient(_ maximum: Double?) throws -> Double {
            try [3.0, 4.0].withUnsafeBytes { bytes in
                let pass = try optimizer.begin(
                    Gradients(base: bytes.baseAddress!, places: .whole(.f64)),
                    StepSettings(maxGradNorm: maximum))
                _ = pass.runInline()
                #expect(pass.gradNorm == 5)
                return pass.clipCoef
            }
        }
        #expect(try coefficient(nil) == 1)
        #expect(try coefficient(100) == 1)
        #expect(try coefficient(5) == 5 / (5 + 1e-6))
        #expect(try coefficient(1) == 1 / (5 + 1e-6))
        #expect(try coefficient(0) == 0)
    }

    /// Finite F64 gradients may have squares beyond the range: their norm is infinite, they
    /// themselves are still finite.
    @Test func overflowingSquaresAreNotNonfiniteGradients() throws {
        let optimizer = try flat(.adam, .init(), [1.0, 1.0])
        #expect(try optimizer.step([1e200, 1]) == .apply)
        #expect(optimizer.steps == [1])
        #expect(optimizer.values(.parameters, as: Double.self).allSatisfy { $0.isFinite })
    }
}
