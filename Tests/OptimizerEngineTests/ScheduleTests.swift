import Foundation
import OptimizerEngine
import Testing

/// Learning rates as PyTorch's schedulers set them; see Golden/README.md.
@Suite struct ScheduleTests {
    private static let base = 0.37

    private static let schedules: [String: LearningRateSchedule] = [
        "constant": .constant(ConstantSchedule()),
        "constant-17": .constant(ConstantSchedule(factor: 0.25, totalIters: 17)),
        "linear": .linear(LinearSchedule()),
        "linear-down": .linear(
            LinearSchedule(startFactor: 0.9, endFactor: 0.05, totalIters: 211)),
        "step": .step(StepSchedule(stepSize: 30)),
        "step-half": .step(StepSchedule(stepSize: 7, gamma: 0.5)),
        "multi_step": .multiStep(MultiStepSchedule(milestones: [0, 3, 50, 200], gamma: 0.3)),
        "exponential": .exponential(ExponentialSchedule(gamma: 0.97)),
        "polynomial": .polynomial(PolynomialSchedule()),
        "polynomial-2.5": .polynomial(PolynomialSchedule(totalIters: 150, power: 2.5)),
        "cosine": .cosine(CosineSchedule(tMax: 100)),
        "cosine-min": .cosine(CosineSchedule(tMax: 299, etaMin: 0.01)),
        "restarts": .cosineWarmRestarts(CosineWarmRestartsSchedule(t0: 40)),
        "restarts-2": .cosineWarmRestarts(
            CosineWarmRestartsSchedule(t0: 10, tMult: 2, etaMin: 0.02)),
        "one_cycle": .oneCycle(OneCycleSchedule(maxLR: 2.5, totalSteps: 300)),
        "one_cycle-linear": .oneCycle(
            OneCycleSchedule(
                maxLR: 2.5, totalSteps: 300, pctStart: 0.25, annealStrategy: .linear,
                divFactor: 10, finalDivFactor: 100)),
        "one_cycle-three": .oneCycle(
            OneCycleSchedule(maxLR: 2.5, totalSteps: 300, pctStart: 0.4, threePhase: true)),
        "cyclic": .cyclic(CyclicSchedule(baseLR: 0.1, maxLR: 1.9, stepSizeUp: 20)),
        "cyclic-2": .cyclic(
            CyclicSchedule(
                baseLR: 0.1, maxLR: 1.9, stepSizeUp: 10, stepSizeDown: 23, mode: .triangular2)),
        "cyclic-exp": .cyclic(
            CyclicSchedule(
                baseLR: 0.1, maxLR: 1.9, stepSizeUp: 15, mode: .expRange, gamma: 0.99)),
        "inverse_sqrt": .inverseSquareRoot(InverseSquareRootSchedule()),
        "inverse_sqrt-warm": .inverseSquareRoot(InverseSquareRootSchedule(warmupSteps: 20)),
        "inverse_sqrt-scale": .inverseSquareRoot(
            InverseSquareRootSchedule(warmupSteps: 5, timescale: 64)),
        "wsd": .warmupStableDecay(
            WarmupStableDecaySchedule(warmupSteps: 20, stableSteps: 100, decaySteps: 150)),
        "wsd-linear": .warmupStableDecay(
            WarmupStableDecaySchedule(
                warmupSteps: 0, stableSteps: 50, decaySteps: 100, minLRRatio: 0.1,
                decayType: .linear)),
        "wsd-sqrt": .warmupStableDecay(
            WarmupStableDecaySchedule(
                warmupSteps: 10, stableSteps: 0, decaySteps: 200, minLRRatio: 0.05,
                decayType: .inverseSquareRoot)),
        "warmup": .warmup(
            WarmupSchedule(
                steps: 25, startFactor: 0.01, then: .cosine(CosineSchedule(tMax: 275)))),
        "sequence": .sequence(
            SequenceSchedule(
                [
                    .constant(ConstantSchedule(factor: 0.1, totalIters: 40)),
                    .exponential(ExponentialSchedule(gamma: 0.9)),
                    .step(StepSchedule(stepSize: 25)),
                ], milestones: [40, 120])),
    ]

    /// The recursions of PyTorch round three hundred times, the file to 15 digits.
    @Test func ratesArePyTorchs() throws {
        let url = try #require(
            Bundle.module.url(
                forResource: "schedules", withExtension: "txt", subdirectory: "Golden"))
        let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").dropFirst()
        let words = lines.map { $0.split(separator: " ").map(String.init) }
        let steps = try #require(words.first).dropFirst().map { try #require(Int($0)) }
        #expect(steps.last ?? 0 > 290)
        var names: Set<String> = []
        for words in words.dropFirst() {
            let schedule = try #require(Self.schedules[words[0]], "\(words[0])")
            names.insert(words[0])
            try schedule.validate()
            let rates = try words.dropFirst().map { try #require(Double($0)) }
            #expect(rates.count == steps.count)
            for (step, rate) in zip(steps, rates) {
                let ours = schedule.lr(base: Self.base, step: step)
                #expect(abs(ours - rate) <= 1e-12 * max(rate, Self.base), "\(words[0]) at \(step)")
            }
        }
        #expect(names == Set(Self.schedules.keys))
    }

    @Test(arguments: schedules.keys.sorted())
    func farSteps(_ name: String) throws {
        let schedule = try #require(Self.schedules[name])
        for step in [1_000_000, 1 << 53, Int.max] {
            let rate = schedule.lr(base: Self.base, step: step)
            #expect(rate.isFinite && rate >= 0)
        }
        #expect(
            schedule.lr(base: Self.base, step: -5) == schedule.lr(base: Self.base, step: 0))
    }

    @Test func aMilestoneThatComesTwiceCountsTwice() throws {
        let schedule = LearningRateSchedule.multiStep(
            MultiStepSchedule(milestones: [2, 2], gamma: 0.5))
        try schedule.validate()
        #expect((0..<4).map { schedule.lr(base: 8, step: $0) } == [8, 8, 2, 2])
    }

    @Test func afterTheLastStepTheRateStays() {
        let oneCycle = OneCycleSchedule(maxLR: 1, totalSteps: 10)
        let schedule = LearningRateSchedule.oneCycle(oneCycle)
        #expect(schedule.lr(base: 9, step: 10) == schedule.lr(base: 9, step: 9))
        #expect(abs(schedule.lr(base: 9, step: 9) - 1 / 25e4) < 1e-18)
    }

    /// The member that is out of its range, and where it lies.
    @Test(arguments: [
        (LearningRateSchedule.constant(ConstantSchedule(factor: 1.5)), "factor"),
        (.constant(ConstantSchedule(totalIters: -1)), "total_iters"),
        (.linear(LinearSchedule(startFactor: 0)), "start_factor"),
        (.linear(LinearSchedule(endFactor: .nan)), "end_factor"),
        (.linear(LinearSchedule(totalIters: 0)), "total_iters"),
        (.step(StepSchedule(stepSize: 0)), "step_size"),
        (.step(StepSchedule(stepSize: 1, gamma: -.infinity)), "gamma"),
        (.multiStep(MultiStepSchedule(milestones: [3, 2])), "milestones/1"),
        (
            .sequence(
                SequenceSchedule(
                    Array(repeating: .constant(ConstantSchedule()), count: 3), milestones: [3, 3])),
            "milestones/1"
        ),
        (
            .sequence(
                SequenceSchedule(
                    Array(repeating: .constant(ConstantSchedule()), count: 3),
                    milestones: [1 << 53 - 1, 1 << 53 - 1])),
            "milestones/1"
        ),
        (.multiStep(MultiStepSchedule(milestones: Array(0...1000))), "type"),
        (.exponential(ExponentialSchedule(gamma: .infinity)), "gamma"),
        (.polynomial(PolynomialSchedule(power: 0)), "power"),
        (.cosine(CosineSchedule(tMax: 0)), "T_max"),
        (.cosine(CosineSchedule(tMax: 1, etaMin: -1)), "eta_min"),
        (.cosineWarmRestarts(CosineWarmRestartsSchedule(t0: 0)), "T_0"),
        (.cosineWarmRestarts(CosineWarmRestartsSchedule(t0: 1, tMult: 0)), "T_mult"),
        (.oneCycle(OneCycleSchedule(maxLR: -1, totalSteps: 1)), "max_lr"),
        (.oneCycle(OneCycleSchedule(maxLR: 1, totalSteps: 0)), "total_steps"),
        (.oneCycle(OneCycleSchedule(maxLR: 1, totalSteps: 1, pctStart: 2)), "pct_start"),
        (.oneCycle(OneCycleSchedule(maxLR: 1, totalSteps: 1, divFactor: 0)), "div_factor"),
        (.cyclic(CyclicSchedule(baseLR: 1, maxLR: 2, stepSizeUp: 0)), "step_size_up"),
        (.cyclic(CyclicSchedule(baseLR: 1, maxLR: 2, stepSizeDown: 0)), "step_size_down"),
        (.inverseSquareRoot(InverseSquareRootSchedule(timescale: 0)), "timescale"),
        (
            .warmupStableDecay(
                WarmupStableDecaySchedule(warmupSteps: 1, stableSteps: -1, decaySteps: 1)),
            "stable_steps"
        ),
        (
            .warmup(WarmupSchedule(steps: 1, then: .exponential(ExponentialSchedule(gamma: -1)))),
            "schedule/gamma"
        ),
        (.sequence(SequenceSchedule([], milestones: [])), "schedules"),
        (
            .sequence(
                SequenceSchedule(
                    [.constant(ConstantSchedule()), .cosine(CosineSchedule(tMax: 0))],
                    milestones: [1])),
            "schedules/1/T_max"
        ),
    ])
    func faults(_ schedule: LearningRateSchedule, _ name: String) {
        let error = #expect(throws: HyperparameterError.self) { try schedule.validate() }
        #expect(error?.name == name)
    }

    @Test func sizeIsBounded() throws {
        var schedule = LearningRateSchedule.constant(ConstantSchedule())
        for _ in 1..<LearningRateSchedule.weightLimit {
            schedule = .warmup(WarmupSchedule(steps: 1, then: schedule))
        }
        try schedule.validate()
        #expect(schedule.lr(base: 3, step: 300) == 3)
        let tooLarge = LearningRateSchedule.warmup(WarmupSchedule(steps: 1, then: schedule))
        #expect(throws: HyperparameterError.self) { try tooLarge.validate() }
    }

    // MARK: On an optimizer

    private static let halving = LearningRateSchedule.exponential(ExponentialSchedule(gamma: 0.5))

    @Test func eachGroupFollowsFromItsOwnRate() throws {
        let names = ["fast", "slow", "constant"]
        let parameters = try names.map { try Parameter($0, shape: [1], values: [1]) }
        var groups = zip(names, parameters).map { ParameterGroup($0, [$1]) }
        groups[1].overrides[.lr] = 0.01
        groups[2].overrides[.lrSchedule] = .schedule(nil)
        let optimizer = try Adam(groups, lr: 0.1, lrSchedule: Self.halving)
        for factor in [1, 0.5, 0.25, 0.125] {
            for parameter in parameters { parameter.gradient = [1] }
            let rates = try optimizer.step().lr
            #expect(rates == ["fast": 0.1 * factor, "slow": 0.01 * factor, "constant": 0.1])
        }
        #expect(optimizer.stepCount == 4)
    }

    @Test func onlyAppliedStepsCount() throws {
        let w = try Parameter("w", shape: [1], values: [1])
        let optimizer = try Adam([w], lr: 1, lrSchedule: Self.halving, nonfinite: .skip)
        try optimizer.step()  // Without a gradient.
        w.gradient = [.nan]
        #expect(try optimizer.step().lr == ["default": 1])
        w.gradient = [1]
        #expect(try optimizer.step(StepOptions(lr: .all(9))).lr == ["default": 9])
        #expect(try optimizer.step().lr == ["default": 0.5])
        #expect(optimizer.stepCount == 2)
    }

    @Test func aLoadedRunGoesOn() throws {
        func run() throws -> (Parameter, Adam) {
            let w = try Parameter("w", shape: [1], values: [1])
            return (w, try Adam([w], lr: 1, lrSchedule: Self.halving))
        }
        let (w, first) = try run()
        w.gradient = [1]
        for _ in 0..<3 { try first.step() }
        let (v, second) = try run()
        try second.load(stateDict: first.stateDict())
        v.gradient = [1]
        #expect(try second.step().lr == ["default": 0.125])
        var state = first.stateDict()
        state.stepCount = -1
        #expect(throws: OptimizerError.state(.invalidStep(entry: "step", step: -1))) {
            try second.load(stateDict: state)
        }
        #expect(second.stepCount == 4)
    }

    @Test func whatIsRefusedChangesNothing() throws {
        let w = try Parameter("w", shape: [1], values: [1])
        #expect(throws: OptimizerError.self) {
            try Adam([w], lrSchedule: .step(StepSchedule(stepSize: 0)))
        }
        let growing = LearningRateSchedule.exponential(ExponentialSchedule(gamma: 1e200))
        let optimizer = try Adam([w], lr: 1, lrSchedule: growing)
        w.gradient = [1]
        for _ in 0..<2 { try optimizer.step() }
        let values = w.values
        #expect(throws: OptimizerError.self) { try optimizer.step() }
        #expect(w.values == values && optimizer.stepCount == 2)
        try optimizer.setHyperparameters(
            HyperparameterOverrides(lrSchedule: .on(Self.halving)))
        #expect(try optimizer.step().lr == ["default": 0.25])
    }
}
