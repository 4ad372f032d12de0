extension Hyperparameters {
    /// Validates the learning rate alone, which may change with every step.
    func validateRate(group: String) throws(HyperparameterError) {
        let range = HyperparameterName.lr.range
        guard !range.contains(lr) else { return }
        throw HyperparameterError(
            name: HyperparameterName.lr.rawValue, value: lr, requirement: range.requirement,
            group: group)
    }

    /// - Parameter group: named in the error, when the values are those of one group.
    public func validate(group: String? = nil) throws(HyperparameterError) {
        func check(
            _ name: String, _ value: Double, _ holds: Bool, _ requirement: String
        ) throws(HyperparameterError) {
            guard !holds else { return }
            throw HyperparameterError(
                name: name, value: value, requirement: requirement, group: group)
        }
        for option in type.options {
            let name = option.rawValue
            switch self[option] {
            case .number(let value):
                let range = option.range
                try check(name, value, range.contains(value), range.requirement)
            case .pair(let first, let second):
                let range = option.range
                try check("\(name)/0", first, range.contains(first), range.requirement)
                try check("\(name)/1", second, range.contains(second), range.requirement)
            case .schedule(let schedule):
                do {
                    try schedule?.validate()
                } catch {
                    throw error.at(name, group: group)
                }
            case .triple(let first, let second, let third):
                for (index, value) in [first, second, third].enumerated() {
                    let range = option.range
                    try check("\(name)/\(index)", value, range.contains(value), range.requirement)
                }
            case .flag, .adjustment:
                break
            }
        }
        guard type == .sgd, nesterov else { return }
        try check("momentum", momentum, momentum > 0, "must be > 0 with nesterov")
        try check("dampening", dampening, dampening == 0, "must be 0 with nesterov")
    }
}

/// The numbers that a hyperparameter may have.
private enum HyperparameterRange {
    case finite, finiteFloat, nonNegative, nonNegativeFloat, fraction, share, wholeBelow100

    var requirement: String {
        switch self {
        case .finite: "must be a finite number"
        case .finiteFloat: "must be a number that is finite as a 32-bit float"
        case .nonNegative: "must be a finite number ≥ 0"
        case .nonNegativeFloat: "must be a number ≥ 0 that is finite as a 32-bit float"
        case .fraction: "must be a number ≥ 0 and < 1"
        case .share: "must be a number ≥ 0 and ≤ 1"
        case .wholeBelow100: "must be a whole number ≥ 0 and < 100"
        }
    }

    func contains(_ value: Double) -> Bool {
        switch self {
        case .finite: value.isFinite
        case .finiteFloat: Float(value).isFinite
        case .nonNegative: value.isFinite && value >= 0
        case .nonNegativeFloat: Float(value).isFinite && value >= 0
        case .fraction: value >= 0 && value < 1
        case .share: value >= 0 && value <= 1
        case .wholeBelow100: value >= 0 && value < 100 && value == value.rounded()
        }
    }
}

extension HyperparameterName {
    fileprivate var range: HyperparameterRange {
        switch self {
        case .betas: .fraction
        case .alpha, .rho: .share
        case .dampening: .finite
        // Matrices are orthogonalized in F32, and at most 99 times a step, as in PyTorch.
        case .nsCoefficients: .finiteFloat
        case .nsSteps: .wholeBelow100
        // What a run starts from is a state, and no infinite one.
        case .initialAccumulatorValue: .nonNegativeFloat
        default: .nonNegative
        }
    }
}
