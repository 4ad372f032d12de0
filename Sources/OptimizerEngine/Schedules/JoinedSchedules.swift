/// A linear rise to the base rate, a stretch at it, and a decay (Hu et al. 2024, MiniCPM, in the
/// form of Transformers' `get_wsd_schedule`).
public struct WarmupStableDecaySchedule: Equatable, Sendable, ScheduleForm {
    public enum Decay: String, Equatable, Sendable, CaseIterable {
        case cosine, linear
        /// 1 − √progress.
        case inverseSquareRoot = "1-sqrt"

        /// - Parameter progress: 0 … 1.
        fileprivate func factor(_ progress: Double) -> Double {
            switch self {
            case .cosine: halfWave(progress)
            case .linear: 1 - progress
            case .inverseSquareRoot: 1 - progress.squareRoot()
            }
        }
    }

    public var warmupSteps: Int
    public var stableSteps: Int
    public var decaySteps: Int
    /// The lowest rate's share of the base rate, at the start and in the end.
    public var minLRRatio: Double
    public var decayType: Decay

    public init(
        warmupSteps: Int, stableSteps: Int, decaySteps: Int, minLRRatio: Double = 0,
        decayType: Decay = .cosine
    ) {
        self.warmupSteps = warmupSteps
        self.stableSteps = stableSteps
        self.decaySteps = decaySteps
        self.minLRRatio = minLRRatio
        self.decayType = decayType
    }

    func lr(base: Double, step: Int) -> Double {
        base * (minLRRatio + (1 - minLRRatio) * factor(step))
    }

    private func factor(_ step: Int) -> Double {
        if step < warmupSteps { return Double(step) / Double(warmupSteps) }
        let past = step - warmupSteps
        if past < stableSteps { return 1 }
        guard past - stableSteps < decaySteps else { return 0 }
        return decayType.factor(Double(past - stableSteps) / Double(decaySteps))
    }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.count(warmupSteps, "warmup_steps", atLeast: 0)
        try ScheduleRule.count(stableSteps, "stable_steps", atLeast: 0)
        try ScheduleRule.count(decaySteps, "decay_steps", atLeast: 0)
        try ScheduleRule.fraction(minLRRatio, "min_lr_ratio")
    }
}

/// A linear rise from `base · start_factor` to the base rate in `steps`, then another schedule
/// from its own beginning. PyTorch's `SequentialLR` of a `LinearLR` and that one.
public struct WarmupSchedule: Equatable, Sendable, ScheduleForm {
    public var steps: Int
    public var startFactor: Double
    public var schedule: LearningRateSchedule

    public init(steps: Int, startFactor: Double = 0, then schedule: LearningRateSchedule) {
        self.steps = steps
        self.startFactor = startFactor
        self.schedule = schedule
    }

    var weight: Int { 1 + schedule.weight }

    func lr(base: Double, step: Int) -> Double {
        guard step < steps else { return schedule.lr(base: base, step: step - steps) }
        return base * (startFactor + (1 - startFactor) * (Double(step) / Double(steps)))
    }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.count(steps, "steps", atLeast: 0)
        try ScheduleRule.fraction(startFactor, "start_factor")
        do {
            try schedule.validate()
        } catch {
            throw error.at("schedule")
        }
    }
}

/// One schedule after the other, each from its own beginning. PyTorch's `SequentialLR`.
public struct SequenceSchedule: Equatable, Sendable, ScheduleForm {
    /// At least one.
    public var schedules: [LearningRateSchedule]
    /// The steps at which each but the first begins; one fewer than schedules.
    public var milestones: [Int]

    public init(_ schedules: [LearningRateSchedule], milestones: [Int]) {
        self.schedules = schedules
        self.milestones = milestones
    }

    var weight: Int { schedules.reduce(1 + milestones.count) { $0 + $1.weight } }

    func lr(base: Double, step: Int) -> Double {
        let index = milestones.count { $0 <= step }
        let start = index == 0 ? 0 : milestones[index - 1]
        return schedules[index].lr(base: base, step: step - start)
    }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.milestones(milestones, atLeast: 1, apart: 1)
        guard schedules.count == milestones.count + 1 else {
            throw HyperparameterError(
                name: "schedules", value: Double(schedules.count),
                requirement: "must be one more than the milestones, of which there are "
                    + "\(milestones.count)")
        }
        for (index, schedule) in schedules.enumerated() {
            do {
                try schedule.validate()
            } catch {
                throw error.at("schedules/\(index)")
            }
        }
    }
}
