import COptimizerKernels

/// `base · factor` for `total_iters` steps, `base` from then on. PyTorch's `ConstantLR` by its
/// closed form, which for 0 steps it does not follow itself.
public struct ConstantSchedule: Equatable, Sendable, ScheduleForm {
    public var factor: Double
    public var totalIters: Int

    public init(factor: Double = 1.0 / 3, totalIters: Int = 5) {
        self.factor = factor
        self.totalIters = totalIters
    }

    func lr(base: Double, step: Int) -> Double { step < totalIters ? base * factor : base }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.fraction(factor, "factor")
        try ScheduleRule.count(totalIters, "total_iters", atLeast: 0)
    }
}

/// From `base · start_factor` to `base · end_factor` in `total_iters` even steps. PyTorch's
/// `LinearLR`.
public struct LinearSchedule: Equatable, Sendable, ScheduleForm {
    public var startFactor: Double
    public var endFactor: Double
    public var totalIters: Int

    public init(startFactor: Double = 1.0 / 3, endFactor: Double = 1, totalIters: Int = 5) {
        self.startFactor = startFactor
        self.endFactor = endFactor
        self.totalIters = totalIters
    }

    func lr(base: Double, step: Int) -> Double {
        let progress = Double(min(step, totalIters)) / Double(totalIters)
        return base * (startFactor + (endFactor - startFactor) * progress)
    }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.positive(startFactor, "start_factor")
        try ScheduleRule.fraction(startFactor, "start_factor")
        try ScheduleRule.fraction(endFactor, "end_factor")
        try ScheduleRule.count(totalIters, "total_iters", atLeast: 1)
    }
}

/// `base · gamma^⌊step / step_size⌋`. PyTorch's `StepLR`.
public struct StepSchedule: Equatable, Sendable, ScheduleForm {
    public var stepSize: Int
    public var gamma: Double

    public init(stepSize: Int, gamma: Double = 0.1) {
        self.stepSize = stepSize
        self.gamma = gamma
    }

    func lr(base: Double, step: Int) -> Double { base * Kernels.power(gamma, step / stepSize) }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.count(stepSize, "step_size", atLeast: 1)
        try ScheduleRule.nonNegative(gamma, "gamma")
    }
}

/// `base · gamma^n`, where n of the milestones have been reached. PyTorch's `MultiStepLR`.
public struct MultiStepSchedule: Equatable, Sendable, ScheduleForm {
    /// Steps, none before the one in front of it; one that comes twice counts twice.
    public var milestones: [Int]
    public var gamma: Double

    public init(milestones: [Int], gamma: Double = 0.1) {
        self.milestones = milestones
        self.gamma = gamma
    }

    var weight: Int { 1 + milestones.count }

    func lr(base: Double, step: Int) -> Double {
        base * Kernels.power(gamma, milestones.count { $0 <= step })
    }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.milestones(milestones, atLeast: 0, apart: 0)
        try ScheduleRule.nonNegative(gamma, "gamma")
    }
}

/// `base · gamma^step`. PyTorch's `ExponentialLR`.
public struct ExponentialSchedule: Equatable, Sendable, ScheduleForm {
    public var gamma: Double

    public init(gamma: Double) { self.gamma = gamma }

    func lr(base: Double, step: Int) -> Double { base * Kernels.power(gamma, step) }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.nonNegative(gamma, "gamma")
    }
}

/// `base · (1 − step / total_iters)^power`, and 0 in the end. PyTorch's `PolynomialLR`.
public struct PolynomialSchedule: Equatable, Sendable, ScheduleForm {
    public var totalIters: Int
    public var power: Double

    public init(totalIters: Int = 5, power: Double = 1) {
        self.totalIters = totalIters
        self.power = power
    }

    func lr(base: Double, step: Int) -> Double {
        let rest = 1 - Double(min(step, totalIters)) / Double(totalIters)
        return base * opt_pow(rest, power)
    }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.count(totalIters, "total_iters", atLeast: 1)
        try ScheduleRule.positive(power, "power")
    }
}

/// `base · √(timescale / (step − warmup_steps + timescale))` after a linear rise from 0 in
/// `warmup_steps` (Vaswani et al. 2017, §5.3, in the form of Transformers'
/// `get_inverse_sqrt_schedule`).
public struct InverseSquareRootSchedule: Equatable, Sendable, ScheduleForm {
    public var warmupSteps: Int
    /// nil: `warmupSteps`, or 10 000 without a warmup.
    public var timescale: Int?

    public init(warmupSteps: Int = 0, timescale: Int? = nil) {
        self.warmupSteps = warmupSteps
        self.timescale = timescale
    }

    func lr(base: Double, step: Int) -> Double {
        guard step >= warmupSteps else { return base * (Double(step) / Double(warmupSteps)) }
        let scale = Double(timescale ?? (warmupSteps > 0 ? warmupSteps : 10_000))
        return base / ((Double(step - warmupSteps) + scale) / scale).squareRoot()
    }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.count(warmupSteps, "warmup_steps", atLeast: 0)
        if let timescale { try ScheduleRule.count(timescale, "timescale", atLeast: 1) }
    }
}
