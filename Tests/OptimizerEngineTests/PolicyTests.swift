import OptimizerEngine
import Testing

struct PolicyTests {
    static let bad: [Float] = [.nan, .infinity, -.infinity]

    private func optimizer() throws -> FlatOptimizer {
        let optimizer = try flat(.adam, Hyperparameters(amsgrad: true), [1, 2, 3, 4] as [Float],
            counts: [1, 2, 1])
        try optimizer.step([1, 1, 1, 1] as [Float])
        return optimizer
    }

    private func state(_ optimizer: FlatOptimizer) -> [[Float]] {
        StateVector.allCases.filter { optimizer.vector($0) != nil }.map { optimizer.values($0) }
    }

    @Test(arguments: bad) func rejectChangesNothingAndNamesTheSlots(_ value: Float) throws {
        let optimizer = try optimizer()
        let before = state(optimizer)
        let verdict = try optimizer.step([1, 1, value, value], StepSettings(nonfinite: .reject))
        #expect(verdict == .reject(nonfiniteSlots: [1, 2]))
        #expect(state(optimizer) == before)
        #expect(optimizer.steps == [1, 1, 1])
    }

    @Test(arguments: bad) func skipChangesNothing(_ value: Float) throws {
        let optimizer = try optimizer()
        let before = state(optimizer)
        let verdict = try optimizer.step([value, 1, 1, 1], StepSettings(nonfinite: .skip))
        #expect(verdict == .skip)
        #expect(state(optimizer) == before)
        #expect(optimizer.steps == [1, 1, 1])
    }

    @Test(arguments: bad) func propagateDoesWhatTheFormulaSays(_ value: Float) throws {
        let optimizer = try optimizer()
        let hyper = Hyperparameters(amsgrad: true)
        var reference = ReferenceOptimizer<Float>(.adam, hyper, parameters: [1, 2, 3, 4])
        reference.step([1, 1, 1, 1])
        let next: [Float] = [1, value, 1, 1]
        reference.step(next)
        #expect(try optimizer.step(next, StepSettings(nonfinite: .propagate)) == .apply)
        #expect(optimizer.matches(reference))
        #expect(optimizer.values(.parameters, as: Float.self)[1].isNaN)
    }

    /// As in torch.maximum, on either side; a maximum of NaN can come with an imported state.
    @Test(arguments: Kernels.available) func nanWinsTheMaximum(_ kernels: Kernels) throws {
        let hyper = Hyperparameters(amsgrad: true)
        let optimizer = try flat(.adam, hyper, [1, 2] as [Float], kernels: kernels)
        let maximum = optimizer.vector(.maxExpAvgSq)!
        maximum.storeBytes(of: Float.nan, as: Float.self)
        let squares = optimizer.vector(.expAvgSq)!
        squares.storeBytes(of: Float.nan, toByteOffset: 4, as: Float.self)
        #expect(try optimizer.step([1, 1] as [Float]) == .apply)
        #expect(optimizer.values(.maxExpAvgSq, as: Float.self).allSatisfy { $0.isNaN })
        #expect(optimizer.values(.parameters, as: Float.self).allSatisfy { $0.isNaN })
        #expect(!optimizer.values(.expAvgSq, as: Float.self)[0].isNaN)
    }

    /// With clipping, one NaN reaches every parameter, as with torch's clip_grad_norm_.
    @Test func propagateWithClipping() throws {
        let optimizer = try optimizer()
        let settings = StepSettings(maxGradNorm: 1, nonfinite: .propagate)
        #expect(try optimizer.step([1, .nan, 1, 1] as [Float], settings) == .apply)
        #expect(optimizer.values(.parameters, as: Float.self).allSatisfy { $0.isNaN })
    }

    /// The gradient is judged after the scale: what overflows then is not finite.
    @Test func judgedAfterTheScale() throws {
        let optimizer = try optimizer()
        let gradients: [Float] = [1e38, 1, 1, 1]
        let settings = StepSettings(gradScale: 1e-3)
        #expect(try optimizer.step(gradients, settings) == .reject(nonfiniteSlots: [0]))
        #expect(try optimizer.step(gradients) == .apply)
    }

    /// A wider gradient that does not fit the working precision is not finite.
    @Test func judgedAfterNarrowing() throws {
        let optimizer = try optimizer()
        #expect(try optimizer.step([1, 1, 1, 1e39]) == .reject(nonfiniteSlots: [2]))
    }

    @Test func candidatesAreChecked() throws {
        let optimizer = try optimizer()
        func culprits(_ values: [Double]) -> [Int] {
            values.withUnsafeBytes {
                let candidates = Gradients(base: $0.baseAddress!, places: .whole(.f64))
                let slots = optimizer.nonFiniteSlots(of: candidates)
                return slots
            }
        }
        #expect(culprits([1, 2, 3, 4]) == [])
        #expect(culprits([1, 2, .nan, 1e39]) == [1, 2])
    }
}
