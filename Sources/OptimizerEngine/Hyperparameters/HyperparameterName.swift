/// A hyperparameter by its name in PyTorch and on the wire.
public enum HyperparameterName: String, Sendable, CaseIterable {
    case lr
    case betas
    case eps
    case weightDecay = "weight_decay"
    case momentum
    case dampening
    case alpha
    case rho
    case lrDecay = "lr_decay"
    case initialAccumulatorValue = "initial_accumulator_value"
    case momentumDecay = "momentum_decay"
    case amsgrad
    case nesterov
    case centered
    case decoupledWeightDecay = "decoupled_weight_decay"
    case nsCoefficients = "ns_coefficients"
    case nsSteps = "ns_steps"
    case adjustLrFn = "adjust_lr_fn"
    case maximize
    case lrSchedule = "lr_schedule"

    /// What kind of value it has.
    public enum Kind: Sendable { case number, pair, triple, flag, adjustment, schedule }

    public var kind: Kind {
        switch self {
        case .lr, .eps, .weightDecay, .momentum, .dampening, .alpha, .rho, .lrDecay,
            .initialAccumulatorValue, .momentumDecay, .nsSteps:
            .number
        case .betas: .pair
        case .nsCoefficients: .triple
        case .adjustLrFn: .adjustment
        case .amsgrad, .nesterov, .centered, .decoupledWeightDecay, .maximize: .flag
        case .lrSchedule: .schedule
        }
    }
}

/// The value of a hyperparameter.
public enum HyperparameterValue: Equatable, Sendable {
    case number(Double)
    case pair(Double, Double)
    case triple(Double, Double, Double)
    case flag(Bool)
    case adjustment(LearningRateAdjustment)
    /// nil: the learning rate stays.
    case schedule(LearningRateSchedule?)
}

extension HyperparameterValue: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral
{
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(integerLiteral value: Int) { self = .number(Double(value)) }
    public init(booleanLiteral value: Bool) { self = .flag(value) }
}

extension Hyperparameters {
    /// Each hyperparameter by its name, also one that the type does not use. A value must be of the
    /// name's kind; another is not taken (and stops a debug build).
    public subscript(name: HyperparameterName) -> HyperparameterValue {
        get {
            switch name {
            case .lr: .number(lr)
            case .betas: .pair(beta1, beta2)
            case .eps: .number(eps)
            case .weightDecay: .number(weightDecay)
            case .momentum: .number(momentum)
            case .dampening: .number(dampening)
            case .alpha: .number(alpha)
            case .rho: .number(rho)
            case .lrDecay: .number(lrDecay)
            case .initialAccumulatorValue: .number(initialAccumulatorValue)
            case .momentumDecay: .number(momentumDecay)
            case .nsCoefficients:
                .triple(nsCoefficients.a, nsCoefficients.b, nsCoefficients.c)
            case .nsSteps: .number(nsSteps)
            case .adjustLrFn: .adjustment(adjustLrFn)
            case .amsgrad: .flag(amsgrad)
            case .nesterov: .flag(nesterov)
            case .centered: .flag(centered)
            case .decoupledWeightDecay: .flag(decoupledWeightDecay)
            case .maximize: .flag(maximize)
            case .lrSchedule: .schedule(lrSchedule)
            }
        }
        set {
            switch newValue {
            case .number(let number): set(name, to: number)
            case .pair(let first, let second):
                assert(name.kind == .pair, "\(name.rawValue) is no pair")
                if name == .betas { (beta1, beta2) = (first, second) }
            case .triple(let a, let b, let c):
                assert(name.kind == .triple, "\(name.rawValue) are not three")
                if name == .nsCoefficients { nsCoefficients = .init(a, b, c) }
            case .flag(let flag): set(name, to: flag)
            case .adjustment(let adjustment):
                assert(name.kind == .adjustment, "\(name.rawValue) is no adjustment")
                if name == .adjustLrFn { adjustLrFn = adjustment }
            case .schedule(let schedule):
                assert(name.kind == .schedule, "\(name.rawValue) is no schedule")
                if name == .lrSchedule { lrSchedule = schedule }
            }
        }
    }

    private mutating func set(_ name: HyperparameterName, to number: Double) {
        switch name {
        case .lr: lr = number
        case .eps: eps = number
        case .weightDecay: weightDecay = number
        case .momentum: momentum = number
        case .dampening: dampening = number
        case .alpha: alpha = number
        case .rho: rho = number
        case .lrDecay: lrDecay = number
        case .initialAccumulatorValue: initialAccumulatorValue = number
        case .momentumDecay: momentumDecay = number
        case .nsSteps: nsSteps = number
        case .betas, .amsgrad, .nesterov, .centered, .decoupledWeightDecay, .maximize,
            .nsCoefficients, .adjustLrFn, .lrSchedule:
            assertionFailure("\(name.rawValue) is no number")
        }
    }

    private mutating func set(_ name: HyperparameterName, to flag: Bool) {
        switch name {
        case .amsgrad: amsgrad = flag
        case .nesterov: nesterov = flag
        case .centered: centered = flag
        case .decoupledWeightDecay: decoupledWeightDecay = flag
        case .maximize: maximize = flag
        case .lr, .betas, .eps, .weightDecay, .momentum, .dampening, .alpha, .rho, .lrDecay,
            .initialAccumulatorValue, .momentumDecay, .nsCoefficients, .nsSteps, .adjustLrFn,
            .lrSchedule:
            assertionFailure("\(name.rawValue) is no flag")
        }
    }
}
