/// Adam (Kingma and Ba 2015), with PyTorch's arithmetic: weight decay is added to the gradient.
public final class Adam: Optimizer {
    /// - Throws: `OptimizerError` when a value is out of range or parameters do not fit together.
    public convenience init(
        _ parameters: [Parameter], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        eps: Double = 1e-8, weightDecay: Double = 0, amsgrad: Bool = false,
        maximize: Bool = false, lrSchedule: LearningRateSchedule? = nil,
        maxGradNorm: Double? = nil, nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try self.init(
            groups: [ParameterGroup(GroupTable.defaultName, parameters)], lr: lr, betas: betas,
            eps: eps, weightDecay: weightDecay, amsgrad: amsgrad, maximize: maximize,
            lrSchedule: lrSchedule, maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }

    public init(
        groups: [ParameterGroup], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        eps: Double = 1e-8, weightDecay: Double = 0, amsgrad: Bool = false,
        maximize: Bool = false, lrSchedule: LearningRateSchedule? = nil,
        maxGradNorm: Double? = nil, nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            .adam, groups: groups,
            defaults: Hyperparameters(
                lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, amsgrad: amsgrad,
                maximize: maximize, lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}

/// AdamW (Loshchilov and Hutter 2019): weight decay shrinks the parameters, apart from the
/// gradient.
public final class AdamW: Optimizer {
    /// - Throws: `OptimizerError` when a value is out of range or parameters do not fit together.
    public convenience init(
        _ parameters: [Parameter], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        eps: Double = 1e-8, weightDecay: Double = 0.01, amsgrad: Bool = false,
        maximize: Bool = false, lrSchedule: LearningRateSchedule? = nil,
        maxGradNorm: Double? = nil, nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try self.init(
            groups: [ParameterGroup(GroupTable.defaultName, parameters)], lr: lr, betas: betas,
            eps: eps, weightDecay: weightDecay, amsgrad: amsgrad, maximize: maximize,
            lrSchedule: lrSchedule, maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }

    public init(
        groups: [ParameterGroup], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        eps: Double = 1e-8, weightDecay: Double = 0.01, amsgrad: Bool = false,
        maximize: Bool = false, lrSchedule: LearningRateSchedule? = nil,
        maxGradNorm: Double? = nil, nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            .adamw, groups: groups,
            defaults: Hyperparameters(
                lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, amsgrad: amsgrad,
                maximize: maximize, lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}
