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
        var untouched = UntouchedGroups(optimizer.groups)
        var overrides: [(name: String, HyperparameterOverrides)] = []
        do {
            try ResolvedSettings.check(defaults, at: "/optimizer")
            try ResolvedSettings.check(maxGradNorm: norm)
            for (index, change) in patch.groups.enumerated() {
                let pointer = "/param_groups/\(index)"
                let own = try untouched.take(change.name, at: pointer)
                let merged = own.merged(with: change.overrides)
                try ResolvedSettings.check(merged.applied(to: defaults), at: pointer)
                overrides.append((change.name, merged))
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
}

/// The groups that a patch has not named yet, by name.
private struct UntouchedGroups {
    private var overrides: [String: HyperparameterOverrides]
    private var taken: Set<String> = []

    init(_ groups: [GroupTable.Group]) {
        overrides = Dictionary(uniqueKeysWithValues: groups.map { ($0.name, $0.overrides) })
    }

    /// What the group overrides so far. Each can be taken once.
    mutating func take(
        _ name: String, at pointer: String
    ) throws(SettingsFault) -> HyperparameterOverrides {
        guard let own = overrides[name] else { throw .unknownGroup(at: "\(pointer)/name") }
        guard taken.insert(name).inserted else {
            throw SettingsFault(
                .invalidHyperparameter, "\(pointer)/name",
                "names the group \"\(name)\" a second time")
        }
        return own
    }
}
