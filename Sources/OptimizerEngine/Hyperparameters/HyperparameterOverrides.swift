/// What one parameter group sets for itself; everything else is inherited.
public struct HyperparameterOverrides: Equatable, Sendable {
    /// The group's own rule. Such a group starts from that rule's defaults: of the optimizer it
    /// inherits `maximize` and the schedule alone, which are the run's.
    public var type: OptimizerType?
    public private(set) var values: [HyperparameterName: HyperparameterValue] = [:]

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
        type: OptimizerType? = nil, lr: Double? = nil, betas: (Double, Double)? = nil,
        eps: Double? = nil, weightDecay: Double? = nil, momentum: Double? = nil,
        dampening: Double? = nil, alpha: Double? = nil, rho: Double? = nil,
        lrDecay: Double? = nil, initialAccumulatorValue: Double? = nil,
        momentumDecay: Double? = nil, amsgrad: Bool? = nil, nesterov: Bool? = nil,
        centered: Bool? = nil, decoupledWeightDecay: Bool? = nil,
        nsCoefficients: NewtonSchulzCoefficients? = nil, nsSteps: Double? = nil,
        adjustLrFn: LearningRateAdjustment? = nil, maximize: Bool? = nil,
        lrSchedule: Schedule? = nil
    ) {
        self.type = type
        values[.betas] = betas.map { .pair($0.0, $0.1) }
        values[.nsCoefficients] = nsCoefficients.map { .triple($0.a, $0.b, $0.c) }
        values[.adjustLrFn] = adjustLrFn.map { .adjustment($0) }
        values[.lrSchedule] = lrSchedule.map { .schedule($0.value) }
        let numbers: [(HyperparameterName, Double?)] = [
            (.lr, lr), (.eps, eps), (.weightDecay, weightDecay), (.momentum, momentum),
            (.dampening, dampening), (.alpha, alpha), (.rho, rho), (.lrDecay, lrDecay),
            (.initialAccumulatorValue, initialAccumulatorValue), (.momentumDecay, momentumDecay),
            (.nsSteps, nsSteps),
        ]
        for case (let name, let number?) in numbers { values[name] = .number(number) }
        let flags: [(HyperparameterName, Bool?)] = [
            (.amsgrad, amsgrad), (.nesterov, nesterov), (.centered, centered),
            (.decoupledWeightDecay, decoupledWeightDecay), (.maximize, maximize),
        ]
        for case (let name, let flag?) in flags { values[name] = .flag(flag) }
    }

    /// Every value of the given hyperparameters that their type has, so that nothing is inherited.
    public init(_ all: Hyperparameters) {
        self.init(type: all.type)
        for name in all.type.options { values[name] = all[name] }
    }

    /// What is set under a name; nil is inherited.
    public subscript(name: HyperparameterName) -> HyperparameterValue? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// What holds for the group of an optimizer with these values.
    public func applied(to defaults: Hyperparameters) -> Hyperparameters {
        var result = defaults
        if let type, type != defaults.type {
            result = type.defaults
            result.maximize = defaults.maximize
            result.lrSchedule = defaults.lrSchedule
        }
        for (name, value) in values { result[name] = value }
        return result
    }

    /// These overrides with those of `newer` laid over them.
    public func merged(with newer: HyperparameterOverrides) -> HyperparameterOverrides {
        var merged = self
        merged.type = newer.type ?? type
        merged.values.merge(newer.values) { $1 }
        return merged
    }

    /// The first name, in the order of `HyperparameterName`, that the type does not have.
    public func unknownOption(of type: OptimizerType) -> HyperparameterName? {
        guard !values.isEmpty else { return nil }
        let options = type.options
        return HyperparameterName.allCases.first { values[$0] != nil && !options.contains($0) }
    }
}
