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
