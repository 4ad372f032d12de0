import OptimizerEngine

/// What a session does with every step's gradients, unless a step asks for something else.
package struct StepPolicy: Equatable, Sendable {
    /// nil: no clipping.
    package var maxGradNorm: Double?
    package var nonfinite: NonFinitePolicy

    package init(maxGradNorm: Double? = nil, nonfinite: NonFinitePolicy = .reject) {
        self.maxGradNorm = maxGradNorm
        self.nonfinite = nonfinite
    }
}

extension StepPolicy {
    func check() throws(SettingsFault) {
        guard let maxGradNorm, !(maxGradNorm.isFinite && maxGradNorm >= 0) else { return }
        throw SettingsFault(
            HyperparameterError(
                name: "max_grad_norm", value: maxGradNorm,
                requirement: "must be a finite number ≥ 0"),
            at: "/max_grad_norm")
    }
}

/// A change of it; what is nil stays.
package struct StepPolicyPatch: Sendable {
    package var maxGradNorm = StepOptions.Clipping.inherited
    package var nonfinite: NonFinitePolicy?

    func applied(to policy: StepPolicy) -> StepPolicy {
        var policy = policy
        switch maxGradNorm {
        case .inherited: break
        case .none: policy.maxGradNorm = nil
        case .norm(let norm): policy.maxGradNorm = norm
        }
        policy.nonfinite = nonfinite ?? policy.nonfinite
        return policy
    }
}
