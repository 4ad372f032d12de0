import COptimizerKernels

/// `eta_min + (base − eta_min) · (1 + cos(π · step / T_max)) / 2`, down and up again
/// (Loshchilov and Hutter 2017, without restarts). PyTorch's `CosineAnnealingLR`.
public struct CosineSchedule: Equatable, Sendable, ScheduleForm {
    /// Steps from the highest to the lowest rate.
    public var tMax: Int
    public var etaMin: Double

    public init(tMax: Int, etaMin: Double = 0) {
        self.tMax = tMax
        self.etaMin = etaMin
    }

    func lr(base: Double, step: Int) -> Double {
        // The wave's period, so that the cosine is taken of a small number.
        let phase = Double(step % (2 * tMax)) / Double(tMax)
        return etaMin + (base - etaMin) * halfWave(phase)
    }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.count(tMax, "T_max", atLeast: 1)
        try ScheduleRule.nonNegative(etaMin, "eta_min")
    }
}

/// The falling half of that wave again and again, each `T_mult` times as long as the one before it
/// and the first `T_0` steps (Loshchilov and Hutter 2017, SGDR). PyTorch's
/// `CosineAnnealingWarmRestarts`.
public struct CosineWarmRestartsSchedule: Equatable, Sendable, ScheduleForm {
    public var t0: Int
    public var tMult: Int
    public var etaMin: Double

    public init(t0: Int, tMult: Int = 1, etaMin: Double = 0) {
        self.t0 = t0
        self.tMult = tMult
        self.etaMin = etaMin
    }

    func lr(base: Double, step: Int) -> Double {
        let (since, length) = cycle(at: step)
        return etaMin + (base - etaMin) * halfWave(Double(since) / Double(length))
    }

    /// Steps since the last restart, and how many there are between it and the next one.
    private func cycle(at step: Int) -> (since: Int, length: Int) {
        guard tMult > 1 else { return (step % t0, t0) }
        var (since, length) = (step, t0)
        while since >= length {
            since -= length
            let (next, overflow) = length.multipliedReportingOverflow(by: tMult)
            guard !overflow else { return (since, .max) }
            length = next
        }
        return (since, length)
    }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.count(t0, "T_0", atLeast: 1)
        try ScheduleRule.count(tMult, "T_mult", atLeast: 1)
        try ScheduleRule.nonNegative(etaMin, "eta_min")
    }
}

/// How a rate goes from one value to another.
public enum AnnealStrategy: String, Equatable, Sendable, CaseIterable {
    case cos, linear

    /// - Parameter progress: 0 … 1.
    func value(from start: Double, to end: Double, progress: Double) -> Double {
        switch self {
        case .cos: end + (start - end) * halfWave(progress)
        case .linear: (end - start) * progress + start
        }
    }
}

/// From `max_lr / div_factor` up to `max_lr` and down to far less than before (Smith and Topin
/// 2018). PyTorch's `OneCycleLR`, without its cycle of the momentum; after `total_steps`, where
/// that ends with an error, the last rate stays. The group's own rate has no part in it.
public struct OneCycleSchedule: Equatable, Sendable, ScheduleForm {
    public var maxLR: Double
    public var totalSteps: Int
    /// The share of the steps that go up.
    public var pctStart: Double
    public var annealStrategy: AnnealStrategy
    public var divFactor: Double
    public var finalDivFactor: Double
    /// Down to the first rate as fast as it went up, then to the last one.
    public var threePhase: Bool

    public init(
        maxLR: Double, totalSteps: Int, pctStart: Double = 0.3,
        annealStrategy: AnnealStrategy = .cos, divFactor: Double = 25,
        finalDivFactor: Double = 1e4, threePhase: Bool = false
    ) {
        self.maxLR = maxLR
        self.totalSteps = totalSteps
        self.pctStart = pctStart
        self.annealStrategy = annealStrategy
        self.divFactor = divFactor
        self.finalDivFactor = finalDivFactor
        self.threePhase = threePhase
    }

    func lr(base: Double, step: Int) -> Double {
        let at = Double(min(step, totalSteps - 1))
        let phases = phases
        var index = 0
        while index < phases.count - 1, at > phases[index].end { index += 1 }
        let start = index == 0 ? 0 : phases[index - 1].end
        let phase = phases[index]
        let progress = phase.end > start ? (at - start) / (phase.end - start) : 1
        return annealStrategy.value(from: phase.from, to: phase.to, progress: progress)
    }

    /// Where each phase ends, and between which rates it goes.
    private var phases: [(end: Double, from: Double, to: Double)] {
        let first = maxLR / divFactor
        let last = first / finalDivFactor
        let top = pctStart * Double(totalSteps) - 1
        let end = Double(totalSteps - 1)
        guard threePhase else { return [(top, first, maxLR), (end, maxLR, last)] }
        let foot = 2 * pctStart * Double(totalSteps) - 2
        return [(top, first, maxLR), (foot, maxLR, first), (end, first, last)]
    }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.nonNegative(maxLR, "max_lr")
        try ScheduleRule.count(totalSteps, "total_steps", atLeast: 1)
        try ScheduleRule.fraction(pctStart, "pct_start")
        try ScheduleRule.positive(divFactor, "div_factor")
        try ScheduleRule.positive(finalDivFactor, "final_div_factor")
    }
}

/// (1 + cos(π · phase)) / 2: 1 at 0, 0 at 1.
func halfWave(_ phase: Double) -> Double { (1 + opt_cos(.pi * phase)) / 2 }
