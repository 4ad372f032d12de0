// PyTorch's optimizers with their arguments and defaults. Each takes parameters or groups of them.
// All throw `OptimizerError` when a value is out of range or parameters do not fit together.

/// Adam (Kingma and Ba 2015), with PyTorch's arithmetic: weight decay is added to the gradient.
public final class Adam: Optimizer {
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        eps: Double = 1e-8, weightDecay: Double = 0, amsgrad: Bool = false, maximize: Bool = false,
        lrSchedule: LearningRateSchedule? = nil, maxGradNorm: Double? = nil,
        nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            parameters,
            Hyperparameters(
                .adam, lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, amsgrad: amsgrad,
                maximize: maximize, lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}

/// AdamW (Loshchilov and Hutter 2019): weight decay shrinks the parameters, apart from the
/// gradient.
public final class AdamW: Optimizer {
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        eps: Double = 1e-8, weightDecay: Double = 0.01, amsgrad: Bool = false,
        maximize: Bool = false, lrSchedule: LearningRateSchedule? = nil, maxGradNorm: Double? = nil,
        nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            parameters,
            Hyperparameters(
                .adamw, lr: lr, betas: betas, eps: eps, weightDecay: weightDecay,
                amsgrad: amsgrad, maximize: maximize, lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}

/// Adam with Nesterov's momentum (Dozat 2016).
public final class NAdam: Optimizer {
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], lr: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999),
        eps: Double = 1e-8, weightDecay: Double = 0, momentumDecay: Double = 4e-3,
        decoupledWeightDecay: Bool = false, maximize: Bool = false,
        lrSchedule: LearningRateSchedule? = nil, maxGradNorm: Double? = nil,
        nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            parameters,
            Hyperparameters(
                .nadam, lr: lr, betas: betas, eps: eps, weightDecay: weightDecay,
                momentumDecay: momentumDecay, decoupledWeightDecay: decoupledWeightDecay,
                maximize: maximize, lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}

/// Adam with a rectified variance (Liu and others 2020).
public final class RAdam: Optimizer {
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        eps: Double = 1e-8, weightDecay: Double = 0, decoupledWeightDecay: Bool = false,
        maximize: Bool = false, lrSchedule: LearningRateSchedule? = nil, maxGradNorm: Double? = nil,
        nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            parameters,
            Hyperparameters(
                .radam, lr: lr, betas: betas, eps: eps, weightDecay: weightDecay,
                decoupledWeightDecay: decoupledWeightDecay, maximize: maximize,
                lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}

/// Adam with the infinity norm (Kingma and Ba 2015, section 7.1).
public final class Adamax: Optimizer {
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], lr: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999),
        eps: Double = 1e-8, weightDecay: Double = 0, maximize: Bool = false,
        lrSchedule: LearningRateSchedule? = nil, maxGradNorm: Double? = nil,
        nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            parameters,
            Hyperparameters(
                .adamax, lr: lr, betas: betas, eps: eps, weightDecay: weightDecay,
                maximize: maximize, lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}

/// Adagrad (Duchi, Hazan and Singer 2011).
public final class Adagrad: Optimizer {
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], lr: Double = 1e-2, lrDecay: Double = 0, eps: Double = 1e-10,
        weightDecay: Double = 0, initialAccumulatorValue: Double = 0, maximize: Bool = false,
        lrSchedule: LearningRateSchedule? = nil, maxGradNorm: Double? = nil,
        nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            parameters,
            Hyperparameters(
                .adagrad, lr: lr, eps: eps, weightDecay: weightDecay, lrDecay: lrDecay,
                initialAccumulatorValue: initialAccumulatorValue, maximize: maximize,
                lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}

/// RMSprop (Hinton 2012, lecture 6e; `centered` as in Graves 2013).
public final class RMSprop: Optimizer {
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], lr: Double = 1e-2, alpha: Double = 0.99, eps: Double = 1e-8,
        weightDecay: Double = 0, momentum: Double = 0, centered: Bool = false,
        maximize: Bool = false, lrSchedule: LearningRateSchedule? = nil, maxGradNorm: Double? = nil,
        nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            parameters,
            Hyperparameters(
                .rmsprop, lr: lr, eps: eps, weightDecay: weightDecay, momentum: momentum,
                alpha: alpha, centered: centered, maximize: maximize, lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}

/// Adadelta (Zeiler 2012).
public final class Adadelta: Optimizer {
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], lr: Double = 1, rho: Double = 0.9, eps: Double = 1e-6,
        weightDecay: Double = 0, maximize: Bool = false, lrSchedule: LearningRateSchedule? = nil,
        maxGradNorm: Double? = nil, nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            parameters,
            Hyperparameters(
                .adadelta, lr: lr, eps: eps, weightDecay: weightDecay, rho: rho,
                maximize: maximize, lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}

/// Gradient descent, plain or with momentum (Sutskever and others 2013).
public final class SGD: Optimizer {
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], lr: Double = 1e-3, momentum: Double = 0, dampening: Double = 0,
        weightDecay: Double = 0, nesterov: Bool = false, maximize: Bool = false,
        lrSchedule: LearningRateSchedule? = nil, maxGradNorm: Double? = nil,
        nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            parameters,
            Hyperparameters(
                .sgd, lr: lr, weightDecay: weightDecay, momentum: momentum, dampening: dampening,
                nesterov: nesterov, maximize: maximize, lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}

/// Lion (Chen and others 2023, algorithm 2).
public final class Lion: Optimizer {
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], lr: Double = 1e-4, betas: (Double, Double) = (0.9, 0.99),
        weightDecay: Double = 0, maximize: Bool = false, lrSchedule: LearningRateSchedule? = nil,
        maxGradNorm: Double? = nil, nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            parameters,
            Hyperparameters(
                .lion, lr: lr, betas: betas, weightDecay: weightDecay, maximize: maximize,
                lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}

/// Muon: the orthogonalized momentum of matrices; other parameters need a group of another type
/// (Jordan and others 2024). Computed in F32, also for F64, and not in BF16 as PyTorch does.
public final class Muon: Optimizer {
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], lr: Double = 1e-3, weightDecay: Double = 0.1,
        momentum: Double = 0.95, nesterov: Bool = true,
        nsCoefficients: NewtonSchulzCoefficients = .init(3.4445, -4.7750, 2.0315),
        eps: Double = 1e-7, nsSteps: Double = 5, adjustLrFn: LearningRateAdjustment = .original,
        maximize: Bool = false, lrSchedule: LearningRateSchedule? = nil,
        maxGradNorm: Double? = nil, nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            parameters,
            Hyperparameters(
                .muon, lr: lr, eps: eps, weightDecay: weightDecay, momentum: momentum,
                nesterov: nesterov, nsCoefficients: nsCoefficients, nsSteps: nsSteps,
                adjustLrFn: adjustLrFn, maximize: maximize, lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}

/// LAMB (You and others 2020, algorithm 2).
public final class LAMB: Optimizer {
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        eps: Double = 1e-6, weightDecay: Double = 0.01, maximize: Bool = false,
        lrSchedule: LearningRateSchedule? = nil, maxGradNorm: Double? = nil,
        nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        try super.init(
            parameters,
            Hyperparameters(
                .lamb, lr: lr, betas: betas, eps: eps, weightDecay: weightDecay,
                maximize: maximize, lrSchedule: lrSchedule),
            maxGradNorm: maxGradNorm, nonfinite: nonfinite)
    }
}
