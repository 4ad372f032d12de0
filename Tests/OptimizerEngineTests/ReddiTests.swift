import OptimizerEngine
import Testing

/// Reddi, Kale and Kumar 2018, Theorem 1: on the gradients C, −1, −1, C, −1, −1, … Adam goes to
/// the worst point of [−1, 1], and AMSGrad to the best, −1.
struct ReddiTests {
    private func run(amsgrad: Bool, steps: Int) throws -> [Double] {
        let x = try Parameter("x", shape: [], values: [1.0] as [Double])
        let optimizer = try Adam([x], betas: (0, 0.1), amsgrad: amsgrad)
        return try (1...steps).map { step in
            x.doubleGradient = [step % 3 == 1 ? 3 : -1]
            let lr = 0.9 * 0.9.squareRoot() / Double(step).squareRoot()
            try optimizer.step(StepOptions(lr: .all(lr)))
            x.doubleValues = [min(1, max(-1, x.doubleValues[0]))]
            return x.doubleValues[0]
        }
    }

    @Test func adamReturnsToTheWorstPoint() throws {
        let path = try run(amsgrad: false, steps: 3000)
        // The point at which step 3k + 1 is taken, and so the one reached by step 3k.
        for step in stride(from: 3, through: 3000, by: 3) {
            #expect(path[step - 1] == 1, "after step \(step)")
        }
    }

    @Test func amsgradReachesTheBestPoint() throws {
        let path = try run(amsgrad: true, steps: 3000)
        #expect(path[2999] < -0.9)
    }
}
