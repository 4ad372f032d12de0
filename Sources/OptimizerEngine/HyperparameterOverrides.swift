/// What one parameter group sets for itself; everything nil is inherited.
public struct HyperparameterOverrides: Equatable, Sendable {
    public var lr: Double?
    public var betas: (Double, Double)?
    public var eps: Double?
    public var weightDecay: Double?
    public var amsgrad: Bool?
    public var maximize: Bool?
    public var lrSchedule: Schedule?

    /// What a group says of the schedule, where it says something.
    public enum Schedule: Equatable, Sendable {
        /// The learning rate stays, whatever the optimizer's schedule.
        case off
        case on(LearningRateSchedule)

        public init(_ schedule: LearningRateSchedule?) {
            self = schedule.map { .on($0) } ?? .off
        }

        public var value: LearningRateSchedule? {
            switch self {
            case .off: nil
            case .on(let schedule): schedule
            }
        }
    }

    public init(
        lr: Double? = nil, betas: (Double, Double)? = nil, eps: Double? = nil,
        weightDecay: Double? = nil, amsgrad: Bool? = nil, maximize: Bool? = nil,
        lrSchedule: Schedule? = nil
    ) {
        self.lrSchedule = lrSchedule
        self.lr = lr
        self.betas = betas
        self.eps = eps
        self.weightDecay = weightDecay
        self.amsgrad = amsgrad
        self.maximize = maximize
    }

    /// Every value of the given hyperparameters, so that nothing is inherited.
    public init(_ all: Hyperparameters) {
        self.init(
            lr: all.lr, betas: all.betas, eps: all.eps, weightDecay: all.weightDecay,
            amsgrad: all.amsgrad, maximize: all.maximize, lrSchedule: Schedule(all.lrSchedule))
    }

    public func applied(to defaults: Hyperparameters) -> Hyperparameters {
        Hyperparameters(
            lr: lr ?? defaults.lr, betas: betas ?? defaults.betas, eps: eps ?? defaults.eps,
            weightDecay: weightDecay ?? defaults.weightDecay,
            amsgrad: amsgrad ?? defaults.amsgrad, maximize: maximize ?? defaults.maximize,
            lrSchedule: lrSchedule.map(\.value) ?? defaults.lrSchedule)
    }

    /// These overrides with those of `newer` laid over them.
    public func merged(with newer: HyperparameterOverrides) -> HyperparameterOverrides {
        HyperparameterOverrides(
            lr: newer.lr ?? lr, betas: newer.betas ?? betas, eps: newer.eps ?? eps,
            weightDecay: newer.weightDecay ?? weightDecay,
            amsgrad: newer.amsgrad ?? amsgrad, maximize: newer.maximize ?? maximize,
            lrSchedule: newer.lrSchedule ?? lrSchedule)
    }

    public static func == (a: HyperparameterOverrides, b: HyperparameterOverrides) -> Bool {
        let sameBetas = a.betas?.0 == b.betas?.0 && a.betas?.1 == b.betas?.1
        return sameBetas && a.lr == b.lr && a.eps == b.eps && a.weightDecay == b.weightDecay
            && a.amsgrad == b.amsgrad && a.maximize == b.maximize
            && a.lrSchedule == b.lrSchedule
    }
}
