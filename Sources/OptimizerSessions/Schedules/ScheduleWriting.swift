import OptimizerEngine
import TensorFormats

extension JSONWriter {
    /// A schedule with every member that it has, or null for none. Equal schedules give equal
    /// text.
    package mutating func schedule(_ schedule: LearningRateSchedule?) {
        guard let schedule else { return null() }
        beginObject()
        name("type")
        string(schedule.kind.rawValue)
        members(of: schedule)
        endObject()
    }

    private mutating func members(of schedule: LearningRateSchedule) {
        switch schedule {
        case .constant(let form):
            member("factor", form.factor)
            member("total_iters", form.totalIters)
        case .linear(let form):
            member("start_factor", form.startFactor)
            member("end_factor", form.endFactor)
            member("total_iters", form.totalIters)
        case .step(let form):
            member("step_size", form.stepSize)
            member("gamma", form.gamma)
        case .multiStep(let form):
            member("milestones", form.milestones)
            member("gamma", form.gamma)
        case .exponential(let form):
            member("gamma", form.gamma)
        case .polynomial(let form):
            member("total_iters", form.totalIters)
            member("power", form.power)
        case .cosine(let form):
            member("T_max", form.tMax)
            member("eta_min", form.etaMin)
        case .cosineWarmRestarts(let form):
            member("T_0", form.t0)
            member("T_mult", form.tMult)
            member("eta_min", form.etaMin)
        case .oneCycle(let form): members(of: form)
        case .cyclic(let form): members(of: form)
        case .inverseSquareRoot(let form):
            member("warmup_steps", form.warmupSteps)
            if let timescale = form.timescale { member("timescale", timescale) }
        case .warmupStableDecay(let form):
            member("warmup_steps", form.warmupSteps)
            member("stable_steps", form.stableSteps)
            member("decay_steps", form.decaySteps)
            member("min_lr_ratio", form.minLRRatio)
            member("decay_type", form.decayType.rawValue)
        case .warmup(let form):
            member("steps", form.steps)
            member("start_factor", form.startFactor)
            name("schedule")
            self.schedule(form.schedule)
        case .sequence(let form):
            name("schedules")
            beginArray()
            for schedule in form.schedules { self.schedule(schedule) }
            endArray()
            member("milestones", form.milestones)
        }
    }

    private mutating func members(of form: OneCycleSchedule) {
        member("max_lr", form.maxLR)
        member("total_steps", form.totalSteps)
        member("pct_start", form.pctStart)
        member("anneal_strategy", form.annealStrategy.rawValue)
        member("div_factor", form.divFactor)
        member("final_div_factor", form.finalDivFactor)
        member("three_phase", form.threePhase)
    }

    private mutating func members(of form: CyclicSchedule) {
        member("base_lr", form.baseLR)
        member("max_lr", form.maxLR)
        member("step_size_up", form.stepSizeUp)
        if let size = form.stepSizeDown { member("step_size_down", size) }
        member("mode", form.mode.rawValue)
        member("gamma", form.gamma)
    }

    private mutating func member(_ name: String, _ values: [Int]) {
        self.name(name)
        beginArray()
        for value in values { integer(value) }
        endArray()
    }
}

extension LearningRateSchedule {
    fileprivate var kind: ScheduleKind {
        switch self {
        case .constant: .constant
        case .linear: .linear
        case .step: .step
        case .multiStep: .multiStep
        case .exponential: .exponential
        case .polynomial: .polynomial
        case .cosine: .cosine
        case .cosineWarmRestarts: .cosineWarmRestarts
        case .oneCycle: .oneCycle
        case .cyclic: .cyclic
        case .inverseSquareRoot: .inverseSquareRoot
        case .warmupStableDecay: .warmupStableDecay
        case .warmup: .warmup
        case .sequence: .sequence
        }
    }

    /// A bound for its text as JSON: an object's names, words and at most seven numbers, and a
    /// number for each milestone.
    package var jsonBytes: Int { weight * (256 + 7 * JSONBound.number(.F64)) }
}

/// A schedule among bytes: its text as JSON.
enum ScheduleText {
    static func text(of schedule: LearningRateSchedule) -> String {
        var writer = JSONWriter()
        writer.schedule(schedule)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// nil: the text is no schedule that may be in force.
    static func schedule(in text: String) -> LearningRateSchedule? {
        do {
            let value = try text.parsedAsJSON()
            var reader = MemberReader([JSONMember(name: "lr_schedule", value: value)], at: "")
            guard let schedule = try reader.schedule("lr_schedule")?.value else { return nil }
            try schedule.validate()
            return schedule
        } catch {
            // Whoever asks says that it is damaged.
            return nil
        }
    }
}
