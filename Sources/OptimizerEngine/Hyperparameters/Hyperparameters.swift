/// The hyperparameters of one parameter group, named as in PyTorch. Which of them mean something
/// is up to the type: `OptimizerType.options`.
public struct Hyperparameters: Equatable, Sendable {
    public let type: OptimizerType
    /// The learning rate, or what `lrSchedule` starts from.
    public var lr: Double
    /// What becomes of the learning rate with the steps; nil: it stays.
    public var lrSchedule: LearningRateSchedule?
    /// How much of the first moment stays with each step: of the Adams and Lion.
    var beta1: Double
    /// The same of the second moment.
    var beta2: Double
    public var eps: Double
    public var weightDecay: Double
    /// Of RMSprop, SGD and Muon.
    public var momentum: Double
    /// Of SGD: how much of the gradient does not enter the momentum.
    public var dampening: Double
    /// Of RMSprop: how much of the mean square stays with each step.
    public var alpha: Double
    /// Of Adadelta: the same.
    public var rho: Double
    /// Of Adagrad.
    public var lrDecay: Double
    /// Of Adagrad: what the sum of squares starts from, when a run begins.
    public var initialAccumulatorValue: Double
    /// Of NAdam.
    public var momentumDecay: Double
    /// Of Adam and AdamW (Reddi, Kale and Kumar 2018).
    public var amsgrad: Bool
    /// Of SGD and Muon: Nesterov's momentum.
    public var nesterov: Bool
    /// Of RMSprop: normalized by the variance instead of the mean square.
    public var centered: Bool
    /// Of NAdam and RAdam: weight decay as AdamW has it.
    public var decoupledWeightDecay: Bool
    /// Of Muon: a, b and c of the polynomial a·X + b·(XXᵀ)X + c·(XXᵀ)²X.
    public var nsCoefficients: NewtonSchulzCoefficients
    /// Of Muon: how often the polynomial is applied, a whole number.
    public var nsSteps: Double
    /// Of Muon: how the learning rate depends on a matrix's shape.
    public var adjustLrFn: LearningRateAdjustment
    /// Ascent: the negative gradient is stepped.
    public var maximize: Bool

    /// - Parameters: what is nil has the type's default; what the type does not use means nothing.
    public init(
        _ type: OptimizerType = .adam, lr: Double? = nil, betas: (Double, Double)? = nil,
        eps: Double? = nil, weightDecay: Double? = nil, momentum: Double? = nil,
        dampening: Double? = nil, alpha: Double? = nil, rho: Double? = nil,
        lrDecay: Double? = nil, initialAccumulatorValue: Double? = nil,
        momentumDecay: Double? = nil, amsgrad: Bool? = nil, nesterov: Bool? = nil,
        centered: Bool? = nil, decoupledWeightDecay: Bool? = nil,
        nsCoefficients: NewtonSchulzCoefficients? = nil, nsSteps: Double? = nil,
        adjustLrFn: LearningRateAdjustment? = nil, maximize: Bool? = nil,
        lrSchedule: LearningRateSchedule? = nil
    ) {
        self = HyperparameterOverrides(
            lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, momentum: momentum,
            dampening: dampening, alpha: alpha, rho: rho, lrDecay: lrDecay,
            initialAccumulatorValue: initialAccumulatorValue, momentumDecay: momentumDecay,
            amsgrad: amsgrad, nesterov: nesterov, centered: centered,
            decoupledWeightDecay: decoupledWeightDecay, nsCoefficients: nsCoefficients,
            nsSteps: nsSteps, adjustLrFn: adjustLrFn, maximize: maximize,
            lrSchedule: lrSchedule.map { .on($0) }
        ).applied(to: type.defaults)
    }

    /// A type's defaults: those that are given, and for the rest what all types agree on.
    init(
        bare type: OptimizerType, lr: Double, beta2: Double = 0.999, eps: Double = 1e-8,
        weightDecay: Double = 0, momentum: Double = 0, nesterov: Bool = false
    ) {
        self.type = type
        self.lr = lr
        (beta1, self.beta2) = (0.9, beta2)
        self.eps = eps
        self.weightDecay = weightDecay
        self.momentum = momentum
        (dampening, alpha, rho) = (0, 0.99, 0.9)
        (lrDecay, initialAccumulatorValue, momentumDecay) = (0, 0, 4e-3)
        self.nesterov = nesterov
        (amsgrad, centered, decoupledWeightDecay) = (false, false, false)
        (nsCoefficients, nsSteps, adjustLrFn) = (.init(3.4445, -4.7750, 2.0315), 5, .original)
        maximize = false
    }

    public var betas: (Double, Double) {
        get { (beta1, beta2) }
        set { (beta1, beta2) = newValue }
    }

    /// The learning rate that holds for one step.
    ///
    /// - Parameter step: steps taken before it.
    public func lr(at step: Int) -> Double {
        lrSchedule?.lr(base: lr, step: step) ?? lr
    }

    /// What the decay adds to the gradient, and what it takes off the parameter.
    var decay: (coupled: Double, decoupled: Double) {
        let isDecoupled =
            switch type {
            case .adamw, .lion, .muon: true
            case .nadam, .radam: decoupledWeightDecay
            // LAMB's is part of the update, before the norm.
            case .adam, .adamax, .adagrad, .rmsprop, .adadelta, .sgd, .lamb: false
            }
        return isDecoupled ? (0, weightDecay) : (weightDecay, 0)
    }
}
