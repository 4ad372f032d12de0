import OptimizerEngine
import TensorFormats

/// The kinds of schedules by their names on the wire.
enum ScheduleKind: String, CaseIterable {
    case constant, linear, step
    case multiStep = "multi_step"
    case exponential, polynomial, cosine
    case cosineWarmRestarts = "cosine_warm_restarts"
    case oneCycle = "one_cycle"
    case cyclic
    case inverseSquareRoot = "inverse_sqrt"
    case warmupStableDecay = "warmup_stable_decay"
    case warmup, sequence
}

// Form alone is judged here; ranges are `LearningRateSchedule.validate`'s.

extension MemberReader {
    /// A schedule, or null for none; nil for a member that is not there.
    mutating func schedule(
        _ name: String
    ) throws(SettingsFault) -> HyperparameterOverrides.Schedule? {
        if takesNull(name) { return .off }
        guard var reader = try object(name, or: "null") else { return nil }
        return .on(try reader.schedule())
    }

    /// This object as a schedule.
    private mutating func schedule() throws(SettingsFault) -> LearningRateSchedule {
        guard let kind = try choice("type", of: ScheduleKind.self) else { throw missing("type") }
        let schedule = try schedule(of: kind)
        try finish()
        return schedule
    }

    private mutating func schedule(
        of kind: ScheduleKind
    ) throws(SettingsFault) -> LearningRateSchedule {
        switch kind {
        case .constant: .constant(try constant())
        case .linear: .linear(try linear())
        case .step:
            .step(StepSchedule(stepSize: try required("step_size"), gamma: try gamma()))
        case .multiStep:
            .multiStep(
                MultiStepSchedule(milestones: try milestones(), gamma: try gamma()))
        case .exponential: .exponential(ExponentialSchedule(gamma: try required("gamma")))
        case .polynomial: .polynomial(try polynomial())
        case .cosine:
            .cosine(CosineSchedule(tMax: try required("T_max"), etaMin: try number("eta_min") ?? 0))
        case .cosineWarmRestarts:
            .cosineWarmRestarts(
                CosineWarmRestartsSchedule(
                    t0: try required("T_0"), tMult: try whole("T_mult") ?? 1,
                    etaMin: try number("eta_min") ?? 0))
        case .oneCycle: .oneCycle(try oneCycle())
        case .cyclic: .cyclic(try cyclic())
        case .inverseSquareRoot:
            .inverseSquareRoot(
                InverseSquareRootSchedule(
                    warmupSteps: try whole("warmup_steps") ?? 0, timescale: try whole("timescale")))
        case .warmupStableDecay: .warmupStableDecay(try warmupStableDecay())
        case .warmup: .warmup(try warmup())
        case .sequence: .sequence(try sequence())
        }
    }

    private mutating func constant() throws(SettingsFault) -> ConstantSchedule {
        var schedule = ConstantSchedule()
        if let factor = try number("factor") { schedule.factor = factor }
        if let count = try whole("total_iters") { schedule.totalIters = count }
        return schedule
    }

    private mutating func linear() throws(SettingsFault) -> LinearSchedule {
        var schedule = LinearSchedule()
        if let factor = try number("start_factor") { schedule.startFactor = factor }
        if let factor = try number("end_factor") { schedule.endFactor = factor }
        if let count = try whole("total_iters") { schedule.totalIters = count }
        return schedule
    }

    private mutating func polynomial() throws(SettingsFault) -> PolynomialSchedule {
        var schedule = PolynomialSchedule()
        if let count = try whole("total_iters") { schedule.totalIters = count }
        if let power = try number("power") { schedule.power = power }
        return schedule
    }

    private mutating func oneCycle() throws(SettingsFault) -> OneCycleSchedule {
        var schedule = OneCycleSchedule(
            maxLR: try required("max_lr"), totalSteps: try required("total_steps"))
        if let share = try number("pct_start") { schedule.pctStart = share }
        if let strategy = try choice("anneal_strategy", of: AnnealStrategy.self) {
            schedule.annealStrategy = strategy
        }
        if let factor = try number("div_factor") { schedule.divFactor = factor }
        if let factor = try number("final_div_factor") { schedule.finalDivFactor = factor }
        if let isThree = try bool("three_phase") { schedule.threePhase = isThree }
        return schedule
    }

    private mutating func cyclic() throws(SettingsFault) -> CyclicSchedule {
        var schedule = CyclicSchedule(
            baseLR: try required("base_lr"), maxLR: try required("max_lr"))
        if let size = try whole("step_size_up") { schedule.stepSizeUp = size }
        schedule.stepSizeDown = try whole("step_size_down")
        if let mode = try choice("mode", of: CyclicSchedule.Mode.self) { schedule.mode = mode }
        if let gamma = try number("gamma") { schedule.gamma = gamma }
        return schedule
    }

    private mutating func warmupStableDecay() throws(SettingsFault) -> WarmupStableDecaySchedule {
        var schedule = WarmupStableDecaySchedule(
            warmupSteps: try required("warmup_steps"), stableSteps: try required("stable_steps"),
            decaySteps: try required("decay_steps"))
        if let ratio = try number("min_lr_ratio") { schedule.minLRRatio = ratio }
        if let decay = try choice("decay_type", of: WarmupStableDecaySchedule.Decay.self) {
            schedule.decayType = decay
        }
        return schedule
    }

    private mutating func warmup() throws(SettingsFault) -> WarmupSchedule {
        let steps: Int = try required("steps")
        let factor = try number("start_factor") ?? 0
        guard var inner = try object("schedule") else { throw missing("schedule") }
        return WarmupSchedule(steps: steps, startFactor: factor, then: try inner.schedule())
    }

    private mutating func sequence() throws(SettingsFault) -> SequenceSchedule {
        guard let readers = try objects("schedules") else { throw missing("schedules") }
        var schedules: [LearningRateSchedule] = []
        for var reader in readers { schedules.append(try reader.schedule()) }
        return SequenceSchedule(schedules, milestones: try milestones())
    }

    private mutating func gamma() throws(SettingsFault) -> Double { try number("gamma") ?? 0.1 }

    private mutating func milestones() throws(SettingsFault) -> [Int] {
        guard let values = try wholes("milestones") else { throw missing("milestones") }
        return values
    }

    private mutating func required(_ name: String) throws(SettingsFault) -> Int {
        guard let value = try whole(name) else { throw missing(name) }
        return value
    }

    private mutating func required(_ name: String) throws(SettingsFault) -> Double {
        guard let value = try number(name) else { throw missing(name) }
        return value
    }
}
