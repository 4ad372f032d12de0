extension FlatOptimizer {
    /// Prepares one step; nothing changes before its `apply`.
    ///
    /// Gradients and output must stay in place until the pass is done. They may be the same memory
    /// where each gradient element has the width and place of its output element.
    package func begin(
        _ gradients: Gradients, _ settings: StepSettings = StepSettings(),
        output: StepOutput? = nil
    ) throws(HyperparameterError) -> StepPass {
        if case .each(let places) = gradients.places {
            precondition(places.count == slots.count, "one gradient place for each slot")
        }
        var hyperparameters = groups.map(\.hyperparameters)
        for (index, lr) in settings.lr.prefix(groups.count).enumerated() {
            guard let lr else { continue }
            hyperparameters[index].lr = lr
            try hyperparameters[index].validate(group: groups[index].name)
        }
        let gradScale = try narrowedScale(settings.gradScale)
        try settings.validateNorm()
        return StepPass(
            self, gradients, settings, hyperparameters: hyperparameters, gradScale: gradScale,
            output: output)
    }

    /// The scale in the working precision, where it must be a number that one can divide by.
    private func narrowedScale(_ scale: Double?) throws(HyperparameterError) -> Double {
        guard let scale else { return 1 }
        let narrowed = working.narrowed(scale)
        guard narrowed.isFinite, narrowed > 0 else {
            throw HyperparameterError(
                name: "grad_scale", value: scale,
                requirement: "must be a finite number > 0 in the parameters' precision")
        }
        return narrowed
    }
}

extension StepSettings {
    func validateNorm() throws(HyperparameterError) {
        guard let norm = maxGradNorm, !(norm.isFinite && norm >= 0) else { return }
        throw HyperparameterError(
            name: "max_grad_norm", value: norm, requirement: "must be a finite number ≥ 0")
    }
}
