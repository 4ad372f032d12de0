import Dispatch
import OptimizerEngine
import SeededChance
import Testing

/// The order of tiles, and how many threads run them, never shows in the result.
struct TileTests {
    static let counts = [1, 70_000, 0, 4096, 65_536, 3, 130_001]
    static let total = counts.reduce(0, +)
    static let start = { var random = SplitMix(1); return random.values(total).map(Float.init) }()
    static let gradients = {
        var random = SplitMix(2)
        return random.values(total).map(Float.init)
    }()

    /// What holds for the group `g`, and for the others.
    struct Rules: Sendable {
        let defaults: Hyperparameters
        let group: HyperparameterOverrides

        static let all = [
            Rules(defaults: .init(.adamw, amsgrad: true), group: .init(lr: 0.5)),
            Rules(defaults: .init(.lamb), group: .init(lr: 0.5)),
            Rules(defaults: .init(.sgd, momentum: 0.9), group: .init(type: .lamb)),
        ]
    }

    static let members = [1, 4]

    private func optimizer(_ rules: Rules) throws -> FlatOptimizer {
        let group = GroupSpecification(name: "g", members: Self.members, overrides: rules.group)
        return try flat(
            rules.defaults.type, rules.defaults, Self.start, counts: Self.counts, groups: [group])
    }

    private func result(
        _ rules: Rules, _ run: (_ count: Int, _ tile: @Sendable (Int) -> Void) -> Void
    ) throws -> (parameters: [Float], output: [Float], norm: Double) {
        let optimizer = try optimizer(rules)
        let shared = TestMemory(Self.gradients)
        let pass = try optimizer.begin(
            Gradients(base: shared.base, places: .whole(.f32)), StepSettings(maxGradNorm: 1),
            output: StepOutput(base: shared.base, type: .f32))
        run(pass.measureTileCount) { pass.measure(tile: $0) }
        #expect(pass.judge() == .apply)
        pass.runPhases { run($0, $1) }
        pass.commit()
        #expect(optimizer.steps == [1, 1, 1, 1, 1, 1, 1])
        return (optimizer.values(.parameters), shared.read(), pass.gradNorm)
    }

    @Test(arguments: Rules.all)
    func anyOrderAndAnyThreadsGiveTheSameBits(_ rules: Rules) throws {
        let forward = try result(rules) { count, tile in (0..<count).forEach { tile($0) } }
        #expect(same(forward.parameters, forward.output))
        let backward = try result(rules) { count, tile in
            (0..<count).reversed().forEach { tile($0) }
        }
        let shuffled = try result(rules) { count, tile in
            var random = SplitMix(9)
            (0..<count).shuffled(using: &random).forEach { tile($0) }
        }
        let together = try result(rules) { count, tile in
            DispatchQueue.concurrentPerform(iterations: count) { tile($0) }
        }
        for other in [backward, shuffled, together] {
            #expect(same(other.parameters, forward.parameters))
            #expect(same(other.output, forward.output))
            #expect(other.norm == forward.norm)
        }
    }

    @Test(arguments: Rules.all)
    func groupsAndTilesEqualTheReference(_ rules: Rules) throws {
        let result = try result(rules) { count, tile in (0..<count).forEach { tile($0) } }
        var parts: [[Float]] = []
        var offset = 0
        for count in Self.counts {
            parts.append(Array(Self.gradients[offset..<offset + count]))
            offset += count
        }
        let norm = ReferenceOptimizer.norm(parts)
        #expect(result.norm == norm)
        let coefficient = ReferenceOptimizer<Float>.clipCoefficient(norm: norm, maxNorm: 1)
        var expected: [Float] = []
        offset = 0
        for (index, part) in parts.enumerated() {
            let isMember = Self.members.contains(index)
            var reference = ReferenceOptimizer(
                isMember ? rules.group.applied(to: rules.defaults) : rules.defaults,
                parameters: Array(Self.start[offset..<offset + part.count]))
            reference.step(part, clipCoef: coefficient)
            expected += reference.parameters
            offset += part.count
        }
        #expect(same(result.parameters, expected))
    }

    @Test func manyTinyTensorsAreOneSegmentOfWork() throws {
        let count = 65_536
        let optimizer = try flat(.adam, .init(), [Float](repeating: 1, count: count),
            counts: [Int](repeating: 1, count: count))
        let gradients = [Float](repeating: 2, count: count)
        try gradients.withUnsafeBytes { bytes in
            let pass = try optimizer.begin(
                Gradients(base: bytes.baseAddress!, places: .whole(.f32)))
            #expect(pass.tileCount(of: .elements) == 1)
            #expect(pass.segmentCount == 1)
            #expect(pass.runInline() == .apply)
            #expect(pass.gradNorm == 512)
        }
        var reference = ReferenceOptimizer<Float>(.adam, .init(), parameters: [1])
        reference.step([2])
        #expect(optimizer.values(.parameters) == [Float](
            repeating: reference.parameters[0], count: count))
    }
}
