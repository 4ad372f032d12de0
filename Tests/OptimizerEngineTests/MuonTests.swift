import Dispatch
import OptimizerEngine
import SeededChance
import Testing

/// Muon's matrices: batches, tiles, groups, and what orthogonalizing comes to.
struct MuonTests {
    private func muon(
        _ hyper: Hyperparameters, _ start: [Float], _ shapes: [[Int]],
        groups: [GroupSpecification] = []
    ) throws -> FlatOptimizer {
        try flat(hyper.type, hyper, start, shapes: shapes, groups: groups)
    }

    /// Of a transposed matrix the step is the transposed one, bit for bit.
    @Test func tallMatricesAreWideOnesTransposed() throws {
        let (rows, columns) = (5, 130)
        var random = SplitMix(11)
        // Whole numbers, so that the norm does not depend on the order of the sum.
        let values = random.values(rows * columns).map { Float(($0 * 64).rounded()) }
        let turned = (0..<columns).flatMap { j in (0..<rows).map { values[$0 * columns + j] } }
        let zeros = [Float](repeating: 0, count: values.count)
        // A ratio of the learning rate that does not tell rows from columns.
        let hyper = Hyperparameters(.muon, lr: 0.1, adjustLrFn: .matchRmsAdamw)
        let wide = try muon(hyper, zeros, [[rows, columns]])
        let tall = try muon(hyper, zeros, [[columns, rows]])
        try wide.step(values)
        try tall.step(turned)
        let result: [Float] = wide.values(.parameters)
        let expected = (0..<columns).flatMap { j in (0..<rows).map { result[$0 * columns + j] } }
        #expect(same(tall.values(.parameters), expected))
        #expect(result != zeros)
    }

    /// Rows that are far from orthogonal and of very different lengths become nearly orthonormal:
    /// the singular values lie in what PyTorch's coefficients lead to, about 0.7 to 1.2.
    @Test func updatesAreNearlyOrthogonal() throws {
        let (rows, columns) = (4, 64)
        var random = SplitMix(12)
        var gradient = random.values(rows * columns).map { Float($0) }
        for j in 0..<columns {
            gradient[j] += 5 * gradient[columns + j]
            gradient[2 * columns + j] *= 30
        }
        let optimizer = try muon(
            .init(.muon, lr: 1, weightDecay: 0), [Float](repeating: 0, count: rows * columns),
            [[rows, columns]])
        try optimizer.step(gradient)
        let p: [Float] = optimizer.values(.parameters)
        for i in 0..<rows {
            for k in 0..<rows {
                let product = (0..<columns).reduce(Float(0)) {
                    $0 + p[i * columns + $1] * p[k * columns + $1]
                }
                #expect(i == k ? (0.4...1.5).contains(product) : abs(product) < 0.35)
            }
        }
    }

    /// Matrices of two groups with other Newton-Schulz steps in one batch, beside a group of
    /// another rule and a tensor without elements.
    @Test func groupsEqualTheReference() throws {
        let shapes = [[3, 40], [20, 2], [7], [0, 5], [6, 6]]
        let counts = shapes.map { $0.reduce(1, *) }
        var random = SplitMix(13)
        let start = random.values(counts.reduce(0, +)).map { Float($0) }
        let groups = [
            GroupSpecification(
                name: "few", members: [1], overrides: .init(lr: 0.5, nsSteps: 1)),
            GroupSpecification(
                name: "none", members: [4],
                overrides: .init(nsSteps: 0, adjustLrFn: .spectralUnclamped)),
            GroupSpecification(name: "b", members: [2], overrides: .init(type: .adamw)),
        ]
        let hyper = Hyperparameters(.muon, lr: 0.1)
        let optimizer = try muon(hyper, start, shapes, groups: groups)
        var references: [ReferenceOptimizer<Float>] = []
        var offset = 0
        for (index, shape) in shapes.enumerated() {
            let own = groups.first { $0.members.contains(index) }?.overrides.applied(to: hyper)
            references.append(
                ReferenceOptimizer(
                    own ?? hyper, parameters: Array(start[offset..<offset + counts[index]]),
                    shape: shape))
            offset += counts[index]
        }
        for _ in 0..<3 {
            let gradients = random.values(start.count).map { Float($0) }
            try optimizer.step(gradients)
            offset = 0
            for index in references.indices {
                references[index].step(Array(gradients[offset..<offset + counts[index]]))
                offset += counts[index]
            }
        }
        #expect(same(optimizer.values(.parameters), references.flatMap(\.parameters)))
    }

    /// More matrices than one batch takes, some without a gradient: in any order of tiles and on
    /// any threads the same bits, and each as if it were alone.
    @Test func batchesAndThreadsDoNotShow() throws {
        let shapes = [[200, 300], [300, 200], [1], [250, 250], [310, 290], [9, 400], [270, 280]]
        let counts = shapes.map { $0.reduce(1, *) }
        var random = SplitMix(14)
        let start = random.values(counts.reduce(0, +)).map { Float($0) }
        let gradients = random.values(start.count).map { Float($0) }
        let group = GroupSpecification(name: "b", members: [2], overrides: .init(type: .sgd))
        let absent = 3
        func result(
            _ run: (_ count: Int, _ tile: @Sendable (Int) -> Void) -> Void
        ) throws -> [Float] {
            let optimizer = try muon(.init(.muon, lr: 0.1), start, shapes, groups: [group])
            let memory = TestMemory(gradients)
            var places: [GradientPlace?] = []
            var offset = 0
            for count in counts {
                places.append(GradientPlace(byteOffset: offset * 4, type: .f32))
                offset += count
            }
            places[absent] = nil
            let output = TestMemory(start.count * 4)
            let pass = try optimizer.begin(
                Gradients(base: memory.base, places: .each(places)),
                output: StepOutput(base: output.base, type: .f32))
            run(pass.measureTileCount) { pass.measure(tile: $0) }
            #expect(pass.judge() == .apply)
            pass.runPhases { run($0, $1) }
            pass.commit()
            #expect(optimizer.steps == counts.indices.map { $0 == absent ? 0 : 1 })
            #expect(same(optimizer.values(.parameters), output.read(as: Float.self)))
            return output.read()
        }
        let forward = try result { count, tile in (0..<count).forEach { tile($0) } }
        let backward = try result { count, tile in (0..<count).reversed().forEach { tile($0) } }
        let together = try result { count, tile in
            DispatchQueue.concurrentPerform(iterations: count) { tile($0) }
        }
        #expect(same(forward, backward) && same(forward, together))
        var offset = 0
        for (index, shape) in shapes.enumerated() {
            let range = offset..<offset + counts[index]
            offset += counts[index]
            guard index != absent, shape.count == 2 else { continue }
            let alone = try muon(.init(.muon, lr: 0.1), Array(start[range]), [shape])
            try alone.step(Array(gradients[range]))
            #expect(same(alone.values(.parameters), Array(forward[range])), "\(shape)")
        }
        let untouched = 120_001..<182_501
        #expect(same(Array(start[untouched]), Array(forward[untouched])))
    }

    @Test func onlyMatricesAreStepped() throws {
        for (shape, count) in [([4], 4), ([], 1), ([1, 2, 2], 4)] {
            #expect(
                throws: OptimizerError.notMatrix(parameter: "p0", shape: shape, group: "default")
            ) {
                try muon(.init(.muon), [Float](repeating: 0, count: count), [shape])
            }
        }
    }

    @Test func learningRatesAreAdjustedByShape() throws {
        let ratios: [(LearningRateAdjustment, Double, Double)] = [
            (.original, 2, 1), (.matchRmsAdamw, 0.8, 0.8), (.spectralUnclamped, 2, 0.5),
        ]
        for (rule, tall, wide) in ratios {
            for (rows, columns, expected) in [(16, 4, tall), (4, 16, wide)] {
                let zero = [Float](repeating: 0, count: 64)
                let hyper = Hyperparameters(
                    .muon, lr: 1, eps: 1, weightDecay: 0, momentum: 0, nsSteps: 0,
                    adjustLrFn: rule)
                let optimizer = try muon(hyper, zero, [[rows, columns]])
                var gradient = zero
                gradient[5] = 0.5
                try optimizer.step(gradient)
                let result: [Float] = optimizer.values(.parameters)
                #expect(result[5] == Float(-expected / 2), "\(rule)")
            }
        }
    }
}
