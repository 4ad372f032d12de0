import OptimizerEngine
import SystemIO
import TensorFormats
import Testing

@testable import OptimizerSessions

@Suite struct PatchTests {
    /// A schedule of many, and many groups, count against the budget, from creation or a patch on.
    @Test func schedulesAndGroupsAreCharged() throws {
        let long = LearningRateSchedule.sequence(
            SequenceSchedule(
                (0..<100).map { _ in .exponential(ExponentialSchedule(gamma: 0.5)) },
                milestones: Array(1..<100)))
        let directory = try TemporaryDirectory()
        let plain = try World().create("s", .sample()).description.stateBytes
        let charged = plain + 128 * long.weight
        do {
            let world = try World(stateBytes: plain + charged, directory: directory)
            var specification = try SessionSpecification.sample()
            specification.durability = .log
            let session = try world.session("s", specification)
            #expect(session.description().stateBytes == plain)
            let on = try session.change { $0.defaults = .init(lrSchedule: .on(long)) }
            #expect(on.stateBytes == charged && world.store.budget.inUseBytes == charged)
            #expect(throws: SessionError.self) {
                try session.change {
                    $0.defaults = .init(lr: 0.5)
                    $0.groups = [("default", .init(lrSchedule: .on(long)))]
                }
            }
            #expect(session.description().hyperparameters.lr == 1e-3)
            #expect(world.store.budget.inUseBytes == charged)
            var settings = SessionSettings(defaults: .init(lrSchedule: long))
            #expect(throws: SessionError.self) { try world.create("t", .sample(settings)) }
            settings.defaults.lrSchedule = nil
            settings.groups = [GroupSettings(name: "g", params: ["b"])]
            let grouped = try World().create("s", .sample(settings)).description
            #expect(grouped.stateBytes > plain)
        }
        let world = try World(stateBytes: plain + charged, directory: directory)
        #expect(world.store.budget.inUseBytes == charged)
        let session = try world.store.session(named: "s")
        let off = try session.change { $0.defaults = .init(lrSchedule: .off) }
        #expect(off.stateBytes == plain && world.store.budget.inUseBytes == plain)
    }

    @Test func valuesMergeAndTheGenerationRises() throws {
        let world = try World()
        let slow = GroupSettings(name: "slow", params: ["b"], overrides: .init(lr: 0.5))
        let session = try world.session("s", .sample(SessionSettings(groups: [slow])))
        let first = try session.change {
            $0.defaults[.lr] = 0.25
            $0.defaults[.eps] = 1e-4
            $0.policy.maxGradNorm = .norm(3)
        }
        #expect(first.tag == SessionTag(generation: 2, step: 0))
        #expect(first.hyperparameters.lr == 0.25 && first.policy.maxGradNorm == 3)
        #expect(first.groups.map(\.name) == ["default", "slow"])
        #expect(first.groups.map(\.params) == [["a"], ["b"]])
        #expect(first.groups.map(\.hyperparameters.lr) == [0.25, 0.5])
        #expect(first.groups.map(\.hyperparameters.eps) == [1e-4, 1e-4])

        let second = try session.change {
            $0.groups = [("slow", HyperparameterOverrides(eps: 1e-2))]
            $0.policy.maxGradNorm = .none
            $0.policy.nonfinite = .skip
        }
        #expect(second.groups.map(\.hyperparameters.lr) == [0.25, 0.5])
        #expect(second.groups.map(\.hyperparameters.eps) == [1e-4, 1e-2])
        #expect(second.policy == StepPolicy(nonfinite: .skip))
        #expect(second.tag.generation == 3)
        #expect(try session.take(gradients(6)).lr.map(\.lr) == [0.25, 0.5])
    }

    @Test func turningAmsgradOnStartsTheMaximumAndTakesMemory() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        try session.take(gradients(6))
        let before = world.store.budget.inUseBytes
        let on = try session.change { $0.defaults[.amsgrad] = true }
        #expect(world.store.budget.inUseBytes == before + 24)
        #expect(on.stateBytes == before + 24)
        let file = try StateImport(try session.state())
        #expect(file.vector(.maxExpAvgSq) == file.vector(.expAvgSq))
        #expect(file.vector(.expAvgSq).contains { $0 != 0 })
        try session.change { $0.defaults[.amsgrad] = false }
        #expect(world.store.budget.inUseBytes == before)
    }

    @Test func withoutMemoryForTheMaximumNothingChanges() throws {
        let measured = try World()
        let needed = try measured.create("s", .sample()).description.stateBytes
        let world = try World(stateBytes: needed + 23)
        let session = try world.session("s", .sample())
        let before = try session.state()
        let error = SessionError.overBudget(.stateBytes, limit: needed + 23, asked: 24)
        #expect(throws: error) {
            try session.change {
                $0.defaults[.amsgrad] = true
                $0.policy.nonfinite = .skip
            }
        }
        #expect(try session.state() == before)
        #expect(session.description().policy.nonfinite == .reject)
    }
}

@Suite struct ParameterTests {
    @Test(arguments: ElementType.allCases, ElementType.allCases)
    func parametersAreReadInEveryType(_ own: ElementType, _ asked: ElementType) throws {
        let world = try World()
        let session = try world.session("s", .sample(.init(), own))
        let values = (0..<6).map { Double($0) / 4 }
        let all = try wait { session.readParameters(type: asked, completion: $0) }
        let expected = values.flatMap { bytes(of: $0, as: asked) }
        #expect(all.vector?.bytes == expected && all.tag == session.tag)
        let one = try wait { session.readParameters(type: asked, tensor: 1, completion: $0) }
        #expect(one.vector?.bytes == values[2...].flatMap { bytes(of: $0, as: asked) })
    }

    @Test func noSuchTensor() throws {
        let session = try World().session("s", .sample())
        for tensor in [-1, 2] {
            #expect(throws: SessionError.unknownTensor(name: "#\(tensor)")) {
                try session.parameters(tensor: tensor)
            }
        }
    }

    /// What is written stays as F32, also where the session is 16 bits wide.
    @Test func mastersAreWrittenAndRead() throws {
        let world = try World()
        let session = try world.session("s", .sample(.init(), .bf16))
        let fine = 1.0 + 1.0 / 1024
        let place = TensorPlace(slab: try Slab([fine, 2], .f32), byteOffset: 0, type: .f32)
        let reading = try wait {
            session.writeParameters([place, nil], reply: .vector(.f32), completion: $0)
        }
        #expect(reading.tag == SessionTag(generation: 2, step: 0))
        #expect(reading.vector?.doubles == [fine, 2, 0.5, 0.75, 1, 1.25])
        #expect(try session.parameters(tensor: 0) == [fine, 2])
        let narrow = try wait { session.readParameters(type: .bf16, tensor: 0, completion: $0) }
        #expect(narrow.vector?.bytes == bytes(of: 1, as: .bf16) + bytes(of: 2, as: .bf16))
    }

    @Test func momentsAndStepsStayWhenParametersAreWritten() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        try session.take(gradients(6))
        let before = try StateImport(try session.state())
        let place = TensorPlace(slab: try Slab([9, 9, 9, 9], .f32), byteOffset: 0, type: .f32)
        _ = try wait { session.writeParameters([nil, place], completion: $0) }
        let after = try StateImport(try session.state())
        #expect(after.vector(.parameters)[8...] == place.slab.bytes[...].map { $0 }[...])
        #expect(after.vector(.parameters)[..<8] == before.vector(.parameters)[..<8])
        #expect(after.vector(.expAvg) == before.vector(.expAvg))
        #expect(after.vector(.expAvgSq) == before.vector(.expAvgSq))
        #expect(after.progress.map(\.step) == [1, 1])
        #expect(session.tag == SessionTag(generation: 2, step: 1))
    }
}

@Suite struct ForkTests {
    @Test func aForkGoesItsOwnWay() throws {
        let world = try World()
        var settings = SessionSettings(
            groups: [GroupSettings(name: "g", params: ["a"], overrides: .init(amsgrad: true))])
        settings.policy.maxGradNorm = 4
        let source = try world.session("s", .sample(settings))
        try source.take(gradients(6))
        try source.change { $0.defaults[.lr] = 0.5 }
        let state = try source.state()
        let made = try world.fork("s", step: 1, as: "t")
        #expect(made.kind == .created)
        #expect(made.description.tag == SessionTag(generation: 1, step: 1))
        let fork = try world.store.session(named: "t")
        #expect(try fork.state() == state)
        try fork.take(gradients(6, seed: 2))
        #expect(try source.state() == state)
        try source.take(gradients(6, seed: 2))
        #expect(try source.state() == fork.state())
    }

    @Test func onlyTheCurrentStepIsThere() throws {
        let world = try World()
        let source = try world.session("s", .sample())
        try source.take(gradients(6))
        for step in [0, 2, -1] {
            let error = SessionError.unknownStep(
                asked: step, current: source.tag, oldest: nil)
            #expect(throws: error) { try world.fork("s", step: step, as: "t") }
            #expect(throws: error) {
                _ = try wait { source.exportState(step: step, completion: $0) }
            }
        }
        #expect(throws: SessionError.unknownSession(name: "x")) { try world.fork("x", as: "t") }
        #expect(world.store.sessionCount == 1)
    }

    @Test func askingAgainFindsTheFork() throws {
        let world = try World()
        let source = try world.session("s", .sample())
        try world.fork("s", step: 0, as: "t")
        try source.take(gradients(6))
        #expect(try world.fork("s", step: 0, as: "t").kind == .repeated)
        #expect(try world.fork("s", as: "t").kind == .repeated)
        func expectConflict(_ operation: () throws -> Void) {
            let error = #expect(throws: SessionError.self, performing: operation)
            guard case .sessionExists(name: "t", _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        expectConflict { try world.fork("s", step: 1, as: "t") }
        expectConflict { try world.create("t", .sample()) }
        #expect(throws: SessionError.self) { try world.fork("t", as: "s") }
        #expect(throws: SessionError.self) {
            try world.fork("s", step: 0, as: "t", precondition: .isAbsent)
        }
        // A source that is gone cannot contradict, one of another life does.
        try world.remove("s")
        #expect(try world.fork("s", step: 0, as: "t").kind == .repeated)
        try world.create("s", .sample())
        expectConflict { try world.fork("s", step: 0, as: "t") }
    }
}
