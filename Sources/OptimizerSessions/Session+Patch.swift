import OptimizerEngine
import TensorFormats

extension Session {
    /// Puts other hyperparameters in force from the next step on; answers the new description.
    ///
    /// Groups keep what they override and the patch does not name. Where amsgrad is turned on,
    /// the maximum starts at the current `exp_avg_sq`, in memory taken from the budget first.
    package func patch(
        _ patch: SessionPatch, ifMatch: Precondition? = nil,
        completion: @escaping SessionCompletion<SessionDescription>
    ) {
        takeTurn(completion) { [self] state, turn in
            // The maximum may have to be filled, which is work on every element.
            context.run(weight: layout.weight) { [self] in
                turn.end { () throws(SessionError) in
                    try state.check(ifMatch)
                    try state.apply(patch)
                    publish(revisionOf: state)
                    return description()
                }
            }
        }
    }
}

extension SessionState {
    fileprivate func apply(_ patch: SessionPatch) throws(SessionError) {
        let defaults = patch.defaults.applied(to: optimizer.defaults)
        let norm: Double? =
            switch patch.maxGradNorm {
            case .inherited: maxGradNorm
            case .none: nil
            case .norm(let norm): norm
            }
        var overrides: [(name: String, HyperparameterOverrides)] = []
        do {
            try ResolvedSettings.check(defaults, at: "/optimizer")
            try ResolvedSettings.check(maxGradNorm: norm)
            for (index, change) in patch.groups.enumerated() {
                let pointer = "/param_groups/\(index)"
                overrides.append((change.name, try merged(change, into: overrides, at: pointer)))
                try ResolvedSettings.check(
                    overrides[index].1.applied(to: defaults), at: pointer)
            }
        } catch {
            throw .invalidSettings(error)
        }
        do {
            try optimizer.setHyperparameters(defaults: defaults, groupOverrides: overrides)
        } catch {
            throw SessionError(engine: error)
        }
        maxGradNorm = norm
        nonfinite = patch.nonfinite ?? nonfinite
    }

    /// What the group overrides with the change laid over it.
    private func merged(
        _ change: (name: String, overrides: HyperparameterOverrides),
        into earlier: [(name: String, HyperparameterOverrides)], at pointer: String
    ) throws(SettingsFault) -> HyperparameterOverrides {
        guard let group = optimizer.groups.first(where: { $0.name == change.name }) else {
            throw .unknownGroup(at: "\(pointer)/name")
        }
        guard !earlier.contains(where: { $0.name == change.name }) else {
            throw SettingsFault(
                .invalidHyperparameter, "\(pointer)/name",
                "names the group \"\(change.name)\" a second time")
        }
        return group.overrides.merged(with: change.overrides)
    }
}
