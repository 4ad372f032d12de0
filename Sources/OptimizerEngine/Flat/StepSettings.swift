/// One step's settings for each group.
package struct StepSettings: Sendable {
    /// For each group, in the optimizer's order; nil (or an empty array) keeps the group's own.
    package var lr: [Double?]
    package var gradScale: Double?
    package var maxGradNorm: Double?
    package var normType: GradientNorm
    /// Bounds every element, after the norm has been; nil does not.
    package var clipValue: Double?
    package var nonfinite: NonFinitePolicy

    package init(
        lr: [Double?] = [], gradScale: Double? = nil, maxGradNorm: Double? = nil,
        normType: GradientNorm = .two, clipValue: Double? = nil,
        nonfinite: NonFinitePolicy = .reject
    ) {
        self.lr = lr
        self.gradScale = gradScale
        self.maxGradNorm = maxGradNorm
        self.normType = normType
        self.clipValue = clipValue
        self.nonfinite = nonfinite
    }

    /// What a step's options come to where the optimizer says the rest.
    package init(
        _ options: StepOptions, groupNames: @autoclosure () -> [String], maxGradNorm: Double?,
        normType: GradientNorm, clipValue: Double?, nonfinite: NonFinitePolicy
    ) throws(OptimizerError) {
        switch options.lr {
        case .groups:
            lr = []
        case .all(let rate):
            lr = groupNames().map { _ in rate }
        case .byGroup(let rates):
            let groupNames = groupNames()
            let known = Set(groupNames)
            if let name = rates.keys.sorted().first(where: { !known.contains($0) }) {
                throw .unknownGroup(name)
            }
            lr = groupNames.map { rates[$0] }
        }
        switch options.maxGradNorm {
        case .inherited: self.maxGradNorm = maxGradNorm
        case .none: self.maxGradNorm = nil
        case .norm(let norm): self.maxGradNorm = norm
        }
        self.normType = options.normType ?? normType
        switch options.clipValue {
        case .inherited: self.clipValue = clipValue
        case .none: self.clipValue = nil
        case .value(let value): self.clipValue = value
        }
        gradScale = options.gradScale
        self.nonfinite = options.nonfinite ?? nonfinite
    }

    /// What a step computes with, each value in its range.
    struct Resolved {
        var hyperparameters: [Hyperparameters]
        /// In the working precision; 1 without one.
        var gradScale: Double
    }

    /// - Parameter step: steps taken before this one.
    func resolved(
        for groups: [some EffectiveGroup], step: Int, working: ElementType
    ) throws(HyperparameterError) -> Resolved {
        var hyperparameters: [Hyperparameters] = []
        hyperparameters.reserveCapacity(groups.count)
        for (index, group) in groups.enumerated() {
            var values = group.hyperparameters
            let asked = index < lr.count ? lr[index] : nil
            if asked != nil || values.lrSchedule != nil {
                values.lr = asked ?? values.lr(at: step)
                values.lrSchedule = nil
                try values.validateRate(group: group.name)
            }
            hyperparameters.append(values)
        }
        if let maxGradNorm, !(maxGradNorm.isFinite && maxGradNorm >= 0) {
            throw HyperparameterError(
                name: "max_grad_norm", value: maxGradNorm,
                requirement: "must be a finite number ≥ 0")
        }
        if let clipValue, !(clipValue.isFinite && clipValue >= 0) {
            throw HyperparameterError(
                name: "clip_value", value: clipValue,
                requirement: "must be a finite number ≥ 0")
        }
        let scale = gradScale.map { working.narrowed($0) } ?? 1
        guard scale.isFinite, scale > 0 else {
            throw HyperparameterError(
                name: "grad_scale", value: gradScale ?? scale,
                requirement: "must be a finite number > 0 in the parameters' precision")
        }
        return Resolved(hyperparameters: hyperparameters, gradScale: scale)
    }

    /// Finds the fault for which a step with these settings would be refused.
    ///
    /// - Parameter step: steps taken before it.
    package func validate(
        for groups: [some EffectiveGroup], step: Int, working: ElementType
    ) throws(HyperparameterError) {
        _ = try resolved(for: groups, step: step, working: working)
    }
}

/// A parameter group with the values in force for it.
package protocol EffectiveGroup {
    var name: String { get }
    var hyperparameters: Hyperparameters { get }
}
