/// What one step does otherwise than its optimizer says.
public struct StepOptions: Sendable {
    public enum LearningRate: Sendable {
        /// Each group's own.
        case groups
        /// One for all groups.
        case all(Double)
        /// By group name; groups that are not named keep their own.
        case byGroup([String: Double])
    }

    public enum Clipping: Equatable, Sendable {
        /// As the optimizer's `maxGradNorm` says.
        case inherited
        case none
        /// At this norm of all gradients together.
        case norm(Double)
    }

    public enum ValueClipping: Equatable, Sendable {
        /// As the optimizer's `clipValue` says.
        case inherited
        case none
        /// Every element to between −value and value.
        case value(Double)
    }

    public var lr: LearningRate
    /// What the gradients were multiplied with, as by a loss scaler; they are divided by it.
    public var gradScale: Double?
    public var maxGradNorm: Clipping
    /// Nil is the optimizer's.
    public var normType: GradientNorm?
    public var clipValue: ValueClipping
    /// Nil is the optimizer's policy.
    public var nonfinite: NonFinitePolicy?
    /// PyTorch leaves parameters without a gradient alone; `.error` refuses the step.
    public var partial: PartialPolicy

    public init(
        lr: LearningRate = .groups, gradScale: Double? = nil, maxGradNorm: Clipping = .inherited,
        normType: GradientNorm? = nil, clipValue: ValueClipping = .inherited,
        nonfinite: NonFinitePolicy? = nil, partial: PartialPolicy = .skip
    ) {
        self.lr = lr
        self.gradScale = gradScale
        self.maxGradNorm = maxGradNorm
        self.normType = normType
        self.clipValue = clipValue
        self.nonfinite = nonfinite
        self.partial = partial
    }
}

/// What a step did.
public struct StepReport: Equatable, Sendable {
    /// False when non-finite gradients made the policy `skip` leave the step out.
    public let applied: Bool
    /// Norm of all gradients together, after `gradScale` and before clipping.
    public let gradNorm: Double
    /// What the gradients were multiplied with; 1 without clipping.
    public let clipCoef: Double
    /// By group name.
    public let lr: [String: Double]
}
