import OptimizerEngine
import SystemIO
import Testing

@testable import OptimizerSessions

@Suite struct CreationTests {
    @Test func aCreationIsRepeatedByMeaningWhateverHappenedSince() throws {
        let world = try World()
        let written = SessionSettings(
            groups: [
                GroupSettings(name: "x", params: ["b"], overrides: .init(lr: 0.5)),
                GroupSettings(name: "default", params: ["a"], overrides: .init(lr: 0.001)),
            ])
        let first = try world.create("s", .sample(written))
        #expect(first.kind == .created)
        #expect(first.description.tag == SessionTag(generation: 1, step: 0))
        let session = try world.store.session(named: "s")
        try session.take(gradients(6))
        try session.change { $0.defaults[.lr] = 7 }

        // The same in other words: order of the groups, inherited values, an unnamed default.
        let other = SessionSettings(
            groups: [GroupSettings(name: "x", params: ["b"], overrides: .init(lr: 0.5))])
        let second = try world.create("s", .sample(other))
        #expect(second.kind == .repeated)
        #expect(second.description.tag == SessionTag(generation: 2, step: 1))
    }

    @Test func everyDifferenceIsAConflict() throws {
        let world = try World()
        try world.create("s", .sample())
        var settings: [(SessionSettings, String)] = []
        func differ(_ difference: String, _ change: (inout SessionSettings) -> Void) {
            var changed = SessionSettings()
            change(&changed)
            settings.append((changed, difference))
        }
        differ("the optimizer's type differs") { $0.defaults = Hyperparameters(.adamw) }
        differ("the optimizer's hyperparameters differ") { $0.defaults.eps = 1e-7 }
        differ("the parameter groups differ") {
            $0.groups = [GroupSettings(name: "g", params: ["a"])]
        }
        differ("max_grad_norm differs") { $0.policy.maxGradNorm = 1 }
        differ("nonfinite differs") { $0.policy.nonfinite = .skip }
        differ("norm_type differs") { $0.policy.normType = .three }
        differ("clip_value differs") { $0.policy.clipValue = 0 }
        differ("grad_scaler differs") { $0.policy.gradScaler = GradScaler() }
        differ("concurrency differs") { $0.policy.concurrency = .exclusive }
        for (changed, difference) in settings {
            #expect(throws: SessionError.sessionExists(name: "s", difference: difference)) {
                try world.create("s", .sample(changed))
            }
        }
        let values = "the parameters' values differ"
        #expect(throws: SessionError.sessionExists(name: "s", difference: values)) {
            try world.create("s", .sample(values: [-0.0, 0.25, 0.5, 0.75, 1, 1.25]))
        }
        let layout = "the parameters' names, dtype or shapes differ"
        for specification in [
            try SessionSpecification.sample(shapes: [[2], [4]]), try .sample(shapes: [[6]]),
            try .sample(.init(), .f64),
        ] {
            #expect(throws: SessionError.sessionExists(name: "s", difference: layout)) {
                try world.create("s", specification)
            }
        }
        #expect(try world.create("s", .sample()).kind == .repeated)
    }

    @Test func wrongSpecifications() throws {
        let world = try World()
        func expect(_ error: SessionError, _ specification: SessionSpecification) {
            #expect(throws: error) { try world.create("s", specification) }
        }
        func expect(
            _ kind: SettingsFault.Kind, _ pointer: String, _ settings: SessionSettings
        ) throws {
            let error = #expect(throws: SessionError.self) {
                try world.create("s", .sample(settings))
            }
            guard case .invalidSettings(let fault)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(fault.kind == kind && fault.pointer == pointer)
        }
        func groups(_ groups: (String, [String])...) -> SessionSettings {
            SessionSettings(groups: groups.map { GroupSettings(name: $0.0, params: $0.1) })
        }
        try expect(.unknownParameter, "/param_groups/0/params/1", groups(("g", ["a", "c"])))
        try expect(
            .invalidHyperparameter, "/param_groups/1/params/0", groups(("g", ["a"]), ("h", ["a"])))
        try expect(.invalidHyperparameter, "/param_groups/1/name", groups(("g", []), ("g", [])))
        try expect(.invalidName, "/param_groups/0/name", groups(("a b", [])))
        var settings = SessionSettings(
            groups: [GroupSettings(name: "g", params: [], overrides: .init(eps: -1))])
        try expect(.invalidHyperparameter, "/param_groups/0/eps", settings)
        settings.defaults.betas.0 = 1
        try expect(.invalidHyperparameter, "/optimizer/betas/0", settings)
        try expect(.invalidHyperparameter, "/max_grad_norm", SessionSettings(maxGradNorm: -1))
        let many = (0...ResolvedSettings.groupLimit).map {
            GroupSettings(name: "g\($0)", params: [])
        }
        try expect(.invalidHyperparameter, "/param_groups", SessionSettings(groups: many))

        expect(
            .nonfiniteParameter(tensors: ["b"]), try .sample(values: [0, 0, .nan, 0, 0, 0]))
        var mixed = try SessionSpecification.sample()
        mixed.parameters[1] = TensorPlace(
            slab: try Slab(byteCount: 64), byteOffset: 0, type: .f64)
        expect(.dtypeMismatch(tensor: "b", expected: "F32", actual: "F64"), mixed)
        var short = try SessionSpecification.sample()
        short.parameters[1] = TensorPlace(
            slab: try Slab(byteCount: 15), byteOffset: 0, type: .f32)
        expect(.shapeMismatch(tensor: "b", expected: "16 bytes", actual: "15 bytes"), short)
        #expect(throws: SessionError.self) { try world.create("s", .sample(shapes: [])) }
        #expect(throws: SessionError.invalidName(name: ".s")) {
            try world.create(".s", .sample())
        }
        #expect(world.store.sessionCount == 0 && world.store.budget.inUseBytes == 0)
    }

    @Test func preconditionsOfACreation() throws {
        let world = try World()
        let here = Precondition.isOneOf([SessionTag(generation: 1, step: 0)])
        #expect(throws: SessionError.preconditionFailed(expected: here, current: nil)) {
            try world.create("s", .sample(), precondition: here)
        }
        #expect(try world.create("s", .sample(), precondition: .isAbsent).kind == .created)
        let current = SessionTag(generation: 1, step: 0)
        #expect(throws: SessionError.preconditionFailed(expected: .isAbsent, current: current)) {
            try world.create("s", .sample(), precondition: .isAbsent)
        }
        #expect(try world.create("s", .sample(), precondition: here).kind == .repeated)
    }

    @Test func aNameStartsAboveItsDeletedGeneration() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        try session.change { $0.defaults[.lr] = 1 }
        #expect(try world.remove("s") == SessionTag(generation: 2, step: 0))
        let again = try world.create("s", .sample())
        #expect(again.kind == .created)
        #expect(again.description.tag == SessionTag(generation: 3, step: 0))
        #expect(try world.create("t", .sample()).description.generation == 1)
        #expect(throws: SessionError.unknownSession(name: "s")) { try session.state() }
    }

    @Test func limitsHoldOnBothSides() throws {
        let world = try World { $0.sessionCount = 2 }
        try world.create("a", .sample())
        try world.create("b", .sample())
        #expect(throws: SessionError.overBudget(.sessionCount, limit: 2, asked: 1)) {
            try world.create("c", .sample())
        }
        #expect(try world.create("b", .sample()).kind == .repeated)
        try world.remove("a")
        #expect(try world.create("c", .sample()).kind == .created)
    }

    @Test func theBudgetCoversEveryVector() throws {
        let measured = try World()
        let session = try measured.session("s", .sample(shapes: [[5000]]))
        let needed = session.description().stateBytes
        #expect(needed >= 3 * 20_000)
        #expect(measured.store.budget.inUseBytes == needed)

        let world = try World(stateBytes: needed)
        try world.create("s", .sample(shapes: [[5000]]))
        #expect(world.store.budget.inUseBytes == needed)
        // The same again needs nothing, another does not fit, and its try leaves nothing behind.
        #expect(try world.create("s", .sample(shapes: [[5000]])).kind == .repeated)
        #expect(throws: SessionError.self) { try world.create("t", .sample(shapes: [[1]])) }
        #expect(throws: SessionError.self) { try world.fork("s", as: "t") }
        #expect(world.store.budget.inUseBytes == needed)
        try world.remove("s")
        #expect(world.store.budget.inUseBytes == 0)

        let tight = try World(stateBytes: needed - 1)
        let error = #expect(throws: SessionError.self) {
            try tight.create("s", .sample(shapes: [[5000]]))
        }
        #expect(error == .overBudget(.stateBytes, limit: needed - 1, asked: 20_000))
        #expect(tight.store.budget.inUseBytes == 0)
    }
}
