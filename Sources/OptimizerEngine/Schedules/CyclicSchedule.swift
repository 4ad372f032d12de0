/// Between two rates up and down again (Smith 2017). PyTorch's `CyclicLR`, without its cycle of
/// the momentum. The group's own rate has no part in it.
public struct CyclicSchedule: Equatable, Sendable, ScheduleForm {
    /// What becomes of a cycle's height.
    public enum Mode: String, Equatable, Sendable, CaseIterable {
        /// It stays.
        case triangular
        /// It halves with each cycle.
        case triangular2
        /// It shrinks by `gamma` with each step.
        case expRange = "exp_range"
    }

    public var baseLR: Double
    public var maxLR: Double
    public var stepSizeUp: Int
    /// nil: as many as up.
    public var stepSizeDown: Int?
    public var mode: Mode
    public var gamma: Double

    public init(
        baseLR: Double, maxLR: Double, stepSizeUp: Int = 2000, stepSizeDown: Int? = nil,
        mode: Mode = .triangular, gamma: Double = 1
    ) {
        self.baseLR = baseLR
        self.maxLR = maxLR
        self.stepSizeUp = stepSizeUp
        self.stepSizeDown = stepSizeDown
        self.mode = mode
        self.gamma = gamma
    }

    func lr(base: Double, step: Int) -> Double {
        let (up, down) = (stepSizeUp, stepSizeDown ?? stepSizeUp)
        let (cycle, at) = step.quotientAndRemainder(dividingBy: up + down)
        let rise =
            at <= up ? Double(at) / Double(up) : Double(up + down - at) / Double(down)
        let height = (maxLR - baseLR) * rise
        return switch mode {
        case .triangular: baseLR + height
        case .triangular2: baseLR + height * Kernels.power(0.5, cycle)
        case .expRange: baseLR + height * Kernels.power(gamma, step)
        }
    }

    func validate() throws(HyperparameterError) {
        try ScheduleRule.nonNegative(baseLR, "base_lr")
        try ScheduleRule.nonNegative(maxLR, "max_lr")
        try ScheduleRule.count(stepSizeUp, "step_size_up", atLeast: 1)
        if let stepSizeDown {
            try ScheduleRule.count(stepSizeDown, "step_size_down", atLeast: 1)
        }
        try ScheduleRule.nonNegative(gamma, "gamma")
    }
}
