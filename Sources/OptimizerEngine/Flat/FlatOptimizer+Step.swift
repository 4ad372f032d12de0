extension FlatOptimizer {
    /// Prepares one step; nothing changes before its `apply`.
    ///
    /// Gradients and output must stay in place until the pass is done. They may be the same memory
    /// where each gradient element has the width and place of its output element.
    ///
    /// - Parameter step: steps that the run has taken before, from which schedules tell the
    ///   learning rates.
    package func begin(
        _ gradients: Gradients, _ settings: StepSettings = StepSettings(), step: Int = 0,
        output: StepOutput? = nil
    ) throws(HyperparameterError) -> StepPass {
        if case .each(let places) = gradients.places {
            precondition(places.count == slots.count, "one gradient place for each slot")
        }
        let resolved = try settings.resolved(
            for: groups, step: step, working: working)
        return StepPass(
            self, gradients, settings, hyperparameters: resolved.hyperparameters,
            gradScale: resolved.gradScale, output: output)
    }

    /// Prepares a step as it was taken before: with what was measured and in force then, so that
    /// only `apply` and `commit` are left of it.
    ///
    /// - Parameters:
    ///   - hyperparameters: of each group.
    ///   - gradScale: in the working precision; 1 is none.
    ///   - clipValue: nil is none.
    package func replay(
        _ gradients: Gradients, hyperparameters: [Hyperparameters], gradScale: Double,
        clipCoef: Double, clipValue: Double?
    ) -> StepPass {
        precondition(hyperparameters.count == groups.count, "hyperparameters for each group")
        let pass = StepPass(
            self, gradients, StepSettings(clipValue: clipValue), hyperparameters: hyperparameters,
            gradScale: gradScale, output: nil)
        pass.adopt(clipCoef: clipCoef)
        return pass
    }
}
