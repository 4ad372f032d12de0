import Dispatch
import OptimizerEngine
import Synchronization
import SystemIO
import TensorFormats
import Testing

@testable import OptimizerSessions

@Suite struct StepTests {
    /// The engine driven directly is the oracle; everything a session adds must not show in bits.
    @Test(arguments: ElementType.allCases, OptimizerType.allCases)
    func aSessionStepsLikeTheEngine(_ type: ElementType, _ optimizer: OptimizerType) throws {
        let world = try World()
        var settings = SessionSettings(defaults: optimizer.defaults, maxGradNorm: 2)
        settings.defaults.amsgrad = true
        let specification = try SessionSpecification.sample(
            settings, shapes: [[3, 1], [5, 2]], type)
        let session = try world.session("s", specification)
        let engine = try FlatOptimizer(specification)
        for seed in 1...4 {
            let gradient = try Slab(gradients(13, seed: seed), type)
            let pass = try engine.begin(
                Gradients(base: gradient.base, places: .whole(type)),
                StepSettings(maxGradNorm: 2))
            #expect(pass.runInline() == .apply)
            let outcome = try session.take(gradients(13, seed: seed))
            #expect(outcome.tag == SessionTag(generation: 1, step: seed))
            #expect(outcome.applied && outcome.output == nil)
            #expect(outcome.gradNorm == pass.gradNorm && outcome.clipCoef == pass.clipCoef)
        }
        var expected = [Double](repeating: 0, count: 13)
        expected.withUnsafeMutableBytes {
            if let base = $0.baseAddress {
                engine.copyParameters(to: StepOutput(base: base, type: .f64))
            }
        }
        #expect(try session.parameters() == expected)
    }

    /// 150 000 elements are three tiles; every number of lanes and the calling thread agree.
    @Test func lanesDoNotChangeBits() throws {
        let count = 150_000
        var states: [[UInt8]] = []
        for (laneCount, inline) in [(1, Int.max), (1, 0), (2, 0), (3, 0), (5, 0)] {
            let world = try World(lanes: laneCount, inline: inline)
            let session = try world.session(
                "s", .sample(SessionSettings(maxGradNorm: 1), shapes: [[3], [count - 3]]))
            for seed in 1...2 {
                var request = StepRequest(gradients: try .whole(gradients(count, seed: seed)))
                request.reply = .vector(.bf16)
                try session.take(request)
            }
            states.append(try session.state())
        }
        for state in states { #expect(state == states[0]) }
    }

    /// So does a matrix whose stages go from lane to lane.
    @Test func lanesDoNotChangeMatrices() throws {
        var states: [[UInt8]] = []
        for (laneCount, inline) in [(1, Int.max), (1, 0), (2, 0), (5, 0)] {
            let world = try World(lanes: laneCount, inline: inline)
            let session = try world.session(
                "s",
                .sample(
                    SessionSettings(defaults: .init(.muon, lr: 0.1)),
                    shapes: [[300, 200], [20, 30], [90, 700]]))
            for seed in 1...2 {
                var request = StepRequest(
                    gradients: try .whole(gradients(123_600, seed: seed)))
                request.reply = .vector(.f32)
                try session.take(request)
            }
            states.append(try session.state())
        }
        for state in states { #expect(state == states[0]) }
    }

    /// The lanes would take it over, were there somebody whom it could hold up.
    @Test func aLoneClientsStepIsTakenOnItsThread() throws {
        let count = 100
        let world = try World(inline: 0) { $0.loneInlineElementCount = 100 + 2 * 64 }
        let session = try world.session(
            "s", .sample(shapes: [[3], [count - 3]]))
        for isAlone in [true, false] {
            var request = StepRequest(gradients: try .whole(gradients(count, seed: 1)))
            request.isAlone = isAlone
            let caller = ThreadIdentity.current
            let worker = Mutex<UInt>(0)
            let done = DispatchSemaphore(value: 0)
            session.step(request) { _ in
                worker.withLock { $0 = ThreadIdentity.current }
                done.signal()
            }
            done.wait()
            #expect(worker.withLock { $0 == caller } == isAlone)
        }
    }

    @Test func absentGradientsLeaveTheirTensorsAlone() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        let slab = try Slab([1, 1, 1, 1], .f64)
        var request = StepRequest(
            gradients: StepGradients(
                slab: slab, places: .each([nil, GradientPlace(byteOffset: 0, type: .f64)])))
        request.reply = .vector(.f64)
        let outcome = try session.take(request)
        let after = try #require(outcome.output).doubles
        #expect(after[..<2] == [0, 0.25])
        #expect(zip(after[2...], [0.5, 0.75, 1, 1.25]).allSatisfy { $0 != $1 })
        let file = try StateImport(try session.state())
        #expect(file.progress.map(\.step) == [0, 1])
        #expect(file.step == 1)
    }

    @Test func optionsOfOneStep() throws {
        let world = try World()
        let slow = GroupSettings(
            name: "slow", params: ["b"], overrides: HyperparameterOverrides(lr: 0.5))
        let session = try world.session("s", .sample(SessionSettings(groups: [slow])))
        var request = StepRequest(gradients: try .whole([3, 4, 0, 0, 0, 0]))
        request.loss = 0.69
        request.options.gradScale = 2
        request.options.maxGradNorm = .norm(0.5)
        let first = try session.take(request)
        #expect(first.loss == 0.69 && first.gradNorm == 2.5)
        #expect(abs(first.clipCoef - 0.2) < 1e-6)
        #expect(first.lr.map(\.group) == ["default", "slow"])
        #expect(first.lr.map(\.lr) == [0.001, 0.5])
        request.options.lr = .all(0.25)
        #expect(try session.take(request).lr.map(\.lr) == [0.25, 0.25])
        request.options.lr = .byGroup(["slow": 0.125])
        #expect(try session.take(request).lr.map(\.lr) == [0.001, 0.125])
        request.options.lr = .groups
        #expect(try session.take(request).lr.map(\.lr) == [0.001, 0.5])
        #expect(session.description().groups.map(\.hyperparameters.lr) == [0.001, 0.5])
    }

    @Test func theSessionsClippingCanBeLifted() throws {
        let world = try World()
        let session = try world.session("s", .sample(SessionSettings(maxGradNorm: 1)))
        var request = StepRequest(gradients: try .whole([3, 4, 0, 0, 0, 0], isShared: true))
        #expect(try session.take(request).clipCoef < 0.21)
        request.options.maxGradNorm = .none
        #expect(try session.take(request).clipCoef == 1)
    }

    @Test func nonFiniteGradients() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        let before = try session.state()
        var request = StepRequest(
            gradients: try .whole([1, .nan, 1, 1, 1, .infinity], isShared: true))
        #expect(throws: SessionError.nonfiniteGradient(tensors: ["a", "b"])) {
            try session.take(request)
        }
        #expect(try session.state() == before)

        request.options.nonfinite = .skip
        request.reply = .vector(.f64)
        let skipped = try session.take(request)
        #expect(!skipped.applied && skipped.tag == SessionTag(generation: 1, step: 0))
        #expect(skipped.output?.doubles == [0, 0.25, 0.5, 0.75, 1, 1.25])
        #expect(session.description().skipped == 1)

        request.options.nonfinite = .propagate
        let taken = try session.take(request)
        #expect(taken.applied && taken.step == 1)
        #expect(try #require(taken.output).doubles[1].isNaN)
        #expect(session.description().skipped == 1)
    }

    @Test func theSessionsPolicyHolds() throws {
        let world = try World()
        let session = try world.session("s", .sample(SessionSettings(nonfinite: .skip)))
        #expect(try !session.take([.nan, 0, 0, 0, 0, 0]).applied)
        try session.change { $0.policy.nonfinite = .reject }
        #expect(throws: SessionError.nonfiniteGradient(tensors: ["a"])) {
            try session.take([.nan, 0, 0, 0, 0, 0])
        }
    }

    @Test func aStepIsPublishedWhenItsCompletionRuns() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        let created = session.description()
        let tags = Collected<SessionTag>()
        session.step(StepRequest(gradients: try .whole(gradients(6)))) { _ in
            tags.add(session.description().tag)
        }
        #expect(tags.wait(for: 1) == [SessionTag(generation: 1, step: 1)])
        #expect(session.description().updated >= created.updated)
        #expect(session.description().created == created.created)
    }
}

extension FlatOptimizer {
    fileprivate convenience init(_ specification: SessionSpecification) throws {
        let layout = specification.layout
        let budget = StateBudget(limitBytes: .max)
        try self.init(
            elementType: specification.parameters[0].type,
            slots: layout.tensors.indices.map {
                ParameterSlot(
                    name: layout.tensors[$0].name, shape: layout.tensors[$0].shape,
                    offset: layout.elementOffsets[$0], count: layout.tensors[$0].elementCount)
            },
            defaults: specification.settings.defaults
        ) { try StateMemory(byteCount: $0, budget: budget) }
        for (slot, place) in specification.parameters.enumerated() {
            overwriteParameters(slot: slot, from: place.base, type: place.type)
        }
    }
}
