import OptimizerEngine
import Testing

struct HyperparameterTests {
    static let bad: [(name: String, change: @Sendable (inout Hyperparameters) -> Void)] = [
        ("lr", { $0.lr = .nan }), ("lr", { $0.lr = .infinity }), ("lr", { $0.lr = -1e-9 }),
        ("betas/0", { $0.betas.0 = 1 }), ("betas/0", { $0.betas.0 = -0.1 }),
        ("betas/0", { $0.betas.0 = .nan }), ("betas/1", { $0.betas.1 = 1 }),
        ("betas/1", { $0.betas.1 = .infinity }), ("betas/1", { $0.betas.1 = -1 }),
        ("eps", { $0.eps = -1e-8 }), ("eps", { $0.eps = .nan }), ("eps", { $0.eps = .infinity }),
        ("weight_decay", { $0.weightDecay = -0.01 }), ("weight_decay", { $0.weightDecay = .nan }),
        ("weight_decay", { $0.weightDecay = .infinity }),
    ]

    @Test func defaultsAreTorchs() throws {
        let hyper = Hyperparameters()
        #expect(hyper.lr == 1e-3 && hyper.betas == (0.9, 0.999) && hyper.eps == 1e-8)
        #expect(hyper.weightDecay == 0 && !hyper.amsgrad && !hyper.maximize)
        #expect(Hyperparameters(.adamw).weightDecay == 0.01)
        #expect(Hyperparameters(.adam) == hyper)
        try hyper.validate()
        try Hyperparameters(lr: 0, betas: (0, 0), eps: 0, weightDecay: 0).validate()
    }

    /// The same rules hold at creation, for group overrides, on a change and for one step's rate.
    @Test func everyDoorIsGuarded() throws {
        for (name, change) in Self.bad {
            var hyper = Hyperparameters()
            change(&hyper)
            let error = #expect(throws: HyperparameterError.self) { try hyper.validate() }
            #expect(error?.name == name && error?.group == nil)
            try expectInvalid(name, nil) { _ = try flat(.adam, hyper, [1] as [Float]) }
            let group = GroupSpecification(
                name: "g", members: [0], overrides: HyperparameterOverrides(hyper))
            try expectInvalid(name, "g") {
                _ = try flat(.adam, .init(), [1] as [Float], groups: [group])
            }
            let optimizer = try flat(.adam, .init(), [1] as [Float])
            try expectInvalid(name, nil) { try optimizer.setHyperparameters(defaults: hyper) }
            try expectInvalid(name, "default") {
                try optimizer.setHyperparameters(
                    defaults: .init(),
                    groupOverrides: [("default", HyperparameterOverrides(hyper))])
            }
            #expect(optimizer.defaults == Hyperparameters())
            #expect(optimizer.groups[0].hyperparameters == Hyperparameters())
        }
    }

    private func expectInvalid(
        _ name: String, _ group: String?, _ body: () throws -> Void
    ) throws {
        let error = #expect(throws: OptimizerError.self) { try body() }
        guard case .invalidHyperparameter(let reason) = error else {
            Issue.record("\(name): \(String(describing: error))")
            return
        }
        #expect(reason.name == name && reason.group == group)
    }

    @Test func optionsOfAStep() throws {
        let optimizer = try flat(.adam, .init(), [1] as [Float])
        let bad: [(String, StepSettings)] = [
            ("lr", StepSettings(lr: [.nan])), ("lr", StepSettings(lr: [-1])),
            ("grad_scale", StepSettings(gradScale: 0)),
            ("grad_scale", StepSettings(gradScale: -2)),
            ("grad_scale", StepSettings(gradScale: .nan)),
            ("grad_scale", StepSettings(gradScale: .infinity)),
            // Positive and finite, but not as a Float.
            ("grad_scale", StepSettings(gradScale: 1e-60)),
            ("grad_scale", StepSettings(gradScale: 1e60)),
            ("max_grad_norm", StepSettings(maxGradNorm: -1)),
            ("max_grad_norm", StepSettings(maxGradNorm: .nan)),
            ("max_grad_norm", StepSettings(maxGradNorm: .infinity)),
        ]
        for (name, settings) in bad {
            let error = #expect(throws: HyperparameterError.self) {
                try optimizer.step([1] as [Float], settings)
            }
            #expect(error?.name == name)
        }
        #expect(optimizer.steps == [0] && optimizer.values(.parameters) == [1 as Float])
        let wide = try flat(.adam, .init(), [1.0])
        #expect(try wide.step([1e-60], StepSettings(gradScale: 1e-60)) == .apply)
    }

    @Test func facadeThrowsTheSame() throws {
        let p = try Parameter("p", shape: [], values: [1])
        let error = #expect(throws: OptimizerError.self) { try Adam([p], betas: (1, 0.9)) }
        #expect(error?.description == "betas/0 must be a number ≥ 0 and < 1, not 1.0")
        #expect(throws: OptimizerError.self) { try Adam([p], maxGradNorm: -1) }
        let group = #expect(throws: OptimizerError.self) {
            try AdamW([ParameterGroup("g", [p], lr: -1)])
        }
        #expect(group?.description == "lr of group \"g\" must be a finite number ≥ 0, not -1.0")
        let optimizer = try Adam([p])
        #expect(throws: OptimizerError.self) { try optimizer.setHyperparameters(.init(eps: -1)) }
        #expect(throws: OptimizerError.unknownGroup("x")) {
            try optimizer.setHyperparameters(.init(eps: 1), group: "x")
        }
        try optimizer.setHyperparameters(.init(lr: 0.5, maximize: true), group: "default")
        let changed = Hyperparameters(lr: 0.5, maximize: true)
        #expect(optimizer.parameterGroups[0].hyperparameters == changed)
    }

    @Test func groupsInheritWhatTheyDoNotSet() throws {
        let group = GroupSpecification(
            name: "g", members: [1], overrides: .init(lr: 0.5, amsgrad: true))
        let optimizer = try flat(.adam, .init(), [1, 2, 3] as [Float], counts: [1, 1, 1],
            groups: [group])
        #expect(optimizer.groups.map(\.name) == ["default", "g"])
        #expect(optimizer.groups.map(\.members) == [[0, 2], [1]])
        #expect(optimizer.groups[1].hyperparameters == Hyperparameters(lr: 0.5, amsgrad: true))
        #expect(optimizer.has(.maxExpAvgSq, slot: 1) && !optimizer.has(.maxExpAvgSq, slot: 0))
        try optimizer.setHyperparameters(defaults: Hyperparameters(eps: 1))
        #expect(optimizer.groups[0].hyperparameters == Hyperparameters(eps: 1))
        let expected = Hyperparameters(lr: 0.5, eps: 1, amsgrad: true)
        #expect(optimizer.groups[1].hyperparameters == expected)
        #expect(throws: OptimizerError.unknownGroup("h")) {
            try optimizer.setHyperparameters(defaults: .init(), groupOverrides: [("h", .init())])
        }
        #expect(optimizer.groups[1].hyperparameters == expected)
    }

    @Test func groupsThatDoNotFit() {
        func make(_ groups: [GroupSpecification]) throws {
            _ = try flat(.adam, .init(), [1, 2] as [Float], counts: [1, 1], groups: groups)
        }
        let g = GroupSpecification(name: "g", members: [0], overrides: .init())
        let h = GroupSpecification(name: "h", members: [1, 0], overrides: .init())
        let far = GroupSpecification(name: "far", members: [2], overrides: .init())
        let twice = GroupSpecification(name: "twice", members: [1, 1], overrides: .init())
        #expect(throws: OptimizerError.parameterInTwoGroups(parameter: "p0", group: "h")) {
            try make([g, h])
        }
        #expect(throws: OptimizerError.parameterInTwoGroups(parameter: "p1", group: "twice")) {
            try make([twice])
        }
        #expect(throws: OptimizerError.duplicateGroup("g")) { try make([g, g]) }
        #expect(throws: OptimizerError.unknownParameter("#2", group: "far")) { try make([far]) }
    }

    @Test func writtenDefaultGroup() throws {
        let written = GroupSpecification(
            name: "default", members: [1], overrides: .init(lr: 0.25))
        let optimizer = try flat(.adam, .init(), [1, 2] as [Float], counts: [1, 1],
            groups: [written])
        #expect(optimizer.groups.map(\.members) == [[0, 1]])
        #expect(optimizer.groups[0].hyperparameters.lr == 0.25)
    }

    /// The maximum starts at the current exp_avg_sq, in the groups that turn amsgrad on.
    @Test func amsgradTurnedOnLater() throws {
        let group = GroupSpecification(name: "g", members: [1], overrides: .init(amsgrad: false))
        let optimizer = try flat(.adam, .init(), [1, 2] as [Float], counts: [1, 1],
            groups: [group])
        try optimizer.step([3, 4] as [Float])
        #expect(optimizer.vector(.maxExpAvgSq) == nil)
        try optimizer.setHyperparameters(defaults: Hyperparameters(amsgrad: true))
        let squares: [Float] = optimizer.values(.expAvgSq)
        #expect(optimizer.values(.maxExpAvgSq) == [squares[0], 0])
        try optimizer.step([0, 0] as [Float])
        #expect(optimizer.values(.maxExpAvgSq) == [squares[0], 0])
        #expect((optimizer.values(.expAvgSq) as [Float])[0] < squares[0])
        // Off and on again: what was the maximum before is forgotten.
        try optimizer.setHyperparameters(defaults: .init())
        #expect(optimizer.vector(.maxExpAvgSq) == nil)
        try optimizer.setHyperparameters(defaults: Hyperparameters(amsgrad: true))
        let later: [Float] = optimizer.values(.expAvgSq)
        #expect(optimizer.values(.maxExpAvgSq) == [later[0], 0])
    }

    private struct OutOfMemory: Error {}

    @Test func failingMemoryChangesNothing() throws {
        #expect(throws: OutOfMemory.self) {
            _ = try FlatOptimizer(
                elementType: .f32, slots: slots([4]), defaults: .init(),
                memory: { _ in throw OutOfMemory() })
        }
        let optimizer = try FlatOptimizer(
            elementType: .f32, slots: slots([4]), defaults: .init(),
            memory: { [calls = Calls()] bytes in
                calls.count += 1
                if calls.count > 3 { throw OutOfMemory() }
                return TestMemory(bytes)
            })
        #expect(throws: OutOfMemory.self) {
            try optimizer.setHyperparameters(defaults: Hyperparameters(amsgrad: true))
        }
        #expect(optimizer.defaults == Hyperparameters())
    }

    private final class Calls: @unchecked Sendable { var count = 0 }

    @Test func layoutsWithGapsOrOverflow() {
        let bad = [
            [ParameterSlot(name: "a", shape: [1], offset: 1, count: 1)],
            [ParameterSlot(name: "a", shape: [-1], offset: 0, count: -1)],
            [ParameterSlot(name: "a", shape: [Int.max], offset: 0, count: Int.max)],
        ]
        for slots in bad {
            #expect(throws: OptimizerError.invalidLayout(parameter: "a")) {
                _ = try FlatOptimizer(
                    elementType: .f32, slots: slots, defaults: .init(),
                    memory: { TestMemory($0) })
            }
        }
    }
}
