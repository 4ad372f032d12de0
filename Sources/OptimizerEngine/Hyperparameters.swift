/// The hyperparameters of one parameter group, named as in PyTorch.
public struct Hyperparameters: Equatable, Sendable {
    /// The learning rate, or what `lrSchedule` starts from.
    public var lr: Double
    /// What becomes of the learning rate with the steps; nil: it stays.
    public var lrSchedule: LearningRateSchedule?
    public var betas: (Double, Double)
    public var eps: Double
    public var weightDecay: Double
    public var amsgrad: Bool
    public var maximize: Bool

    public init(
        lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8,
        weightDecay: Double = 0, amsgrad: Bool = false, maximize: Bool = false,
        lrSchedule: LearningRateSchedule? = nil
    ) {
        self.lr = lr
        self.lrSchedule = lrSchedule
        self.betas = betas
        self.eps = eps
        self.weightDecay = weightDecay
        self.amsgrad = amsgrad
        self.maximize = maximize
    }

    /// PyTorch's defaults for the type.
    public init(defaultsFor type: OptimizerType) {
        self.init(weightDecay: type.defaultWeightDecay)
    }

    /// - Parameter group: named in the error, when the values are those of one group.
    public func validate(group: String? = nil) throws(HyperparameterError) {
        let nonNegative = "must be a finite number ≥ 0"
        let fraction = "must be a number ≥ 0 and < 1"
        let rules: [(name: String, value: Double, holds: Bool, requirement: String)] = [
            ("lr", lr, lr.isFinite && lr >= 0, nonNegative),
            ("betas/0", betas.0, betas.0 >= 0 && betas.0 < 1, fraction),
            ("betas/1", betas.1, betas.1 >= 0 && betas.1 < 1, fraction),
            ("eps", eps, eps.isFinite && eps >= 0, nonNegative),
            ("weight_decay", weightDecay, weightDecay.isFinite && weightDecay >= 0, nonNegative),
        ]
        for rule in rules where !rule.holds {
            throw HyperparameterError(
                name: rule.name, value: rule.value, requirement: rule.requirement, group: group)
        }
        guard let lrSchedule else { return }
        do {
            try lrSchedule.validate()
        } catch {
            throw error.at("lr_schedule", group: group)
        }
    }

    /// The learning rate that holds for one step.
    ///
    /// - Parameter step: steps taken before it.
    public func lr(at step: Int) -> Double {
        lrSchedule?.lr(base: lr, step: step) ?? lr
    }

    public static func == (a: Hyperparameters, b: Hyperparameters) -> Bool {
        a.lr == b.lr && a.betas == b.betas && a.eps == b.eps && a.weightDecay == b.weightDecay
            && a.amsgrad == b.amsgrad && a.maximize == b.maximize && a.lrSchedule == b.lrSchedule
    }
}

/// A hyperparameter or step option outside its range.
public struct HyperparameterError: Error, Equatable, CustomStringConvertible {
    /// Its name on the wire: `lr`, `betas/0`, `eps`, `weight_decay`, `grad_scale`, …
    public let name: String
    public let value: Double
    /// What it must be: "must be a finite number ≥ 0".
    public let requirement: String
    /// The parameter group that sets it; nil for the optimizer's own values.
    public let group: String?

    public init(name: String, value: Double, requirement: String, group: String? = nil) {
        self.name = name
        self.value = value
        self.requirement = requirement
        self.group = group
    }

    /// The same about a value that lies deeper.
    func at(_ place: String, group: String? = nil) -> HyperparameterError {
        HyperparameterError(
            name: "\(place)/\(name)", value: value, requirement: requirement, group: group)
    }

    public var description: String {
        let place = group.map { " of group \"\($0)\"" } ?? ""
        return "\(name)\(place) \(requirement), not \(value)"
    }

    /// Values compare by bits, so that an error about NaN equals itself.
    public static func == (a: HyperparameterError, b: HyperparameterError) -> Bool {
        a.name == b.name && a.value.bitPattern == b.value.bitPattern
            && a.requirement == b.requirement && a.group == b.group
    }
}
