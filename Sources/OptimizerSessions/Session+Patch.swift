import OptimizerEngine
import SystemIO
import TensorFormats

extension Session {
    /// Puts other hyperparameters in force from the next step on; answers the new description.
    ///
    /// Groups keep what they override and the patch does not name. What a group begins to keep
    /// starts in memory taken from the budget first: amsgrad's maximum at the current `exp_avg_sq`,
    /// everything else at zero.
    package func patch(
        _ patch: SessionPatch, ifMatch: Precondition? = nil,
        completion: @escaping SessionCompletion<SessionDescription>
    ) {
        takeTurn(completion) { [self] state, turn in
            // A vector may have to be filled, which is work on every element.
            context.run(weight: layout.weight) { [self] in
                do throws(SessionError) {
                    try state.check(ifMatch)
                    let change = try state.prepare(patch)
                    let entry = revision(
                        .settings, of: state,
                        payload: try .copying(
                            Array(SettingsDocument.text(of: state, changedBy: change).utf8)))
                    keep(entry, turn) { [self] in
                        state.adopt(change)
                        publish(revisionOf: state, at: entry.time)
                        considerSnapshot()
                        turn.end(.success(description()))
                    }
                } catch {
                    turn.end(.failure(error))
                }
            }
        }
    }
}

/// Settings that were found good, with the memory that they need, and are not in force yet.
///
/// `@unchecked Sendable`: made and used by the holder of one turn.
struct SettingsChange: @unchecked Sendable {
    let hyperparameters: FlatOptimizer.PreparedHyperparameters
    let policy: StepPolicy
    /// What the session's tables then take; nil where that stays.
    let overhead: Reservation?
}

extension LedgerPayload {
    static func copying(_ bytes: [UInt8]) throws(SessionError) -> LedgerPayload {
        do {
            let slab = try Slab(byteCount: bytes.count)
            slab.bytes.copyBytes(from: bytes)
            return LedgerPayload(slab, byteCount: bytes.count)
        } catch {
            throw .outOfMemory(bytes: bytes.count)
        }
    }
}

extension SessionState {
    fileprivate func prepare(_ patch: SessionPatch) throws(SessionError) -> SettingsChange {
        let defaults = patch.defaults.applied(to: optimizer.defaults)
        let policy = patch.policy.applied(to: policy)
        var untouched = UntouchedGroups(optimizer.groups)
        var overrides: [(name: String, HyperparameterOverrides)] = []
        do {
            try patch.defaults.check(of: defaults.type, at: "/optimizer")
            try ResolvedSettings.check(defaults, setBy: patch.defaults, at: "/optimizer")
            try policy.check()
            for (index, change) in patch.groups.enumerated() {
                let pointer = "/param_groups/\(index)"
                let own = try untouched.take(change.name, at: pointer)
                let merged = own.merged(with: change.overrides)
                let values = merged.applied(to: defaults)
                try change.overrides.check(of: values.type, at: pointer)
                try ResolvedSettings.check(values, setBy: change.overrides, at: pointer)
                overrides.append((change.name, merged))
            }
            for (name, own) in untouched.rest {
                try ResolvedSettings.check(
                    own.applied(to: defaults), setBy: patch.defaults, at: "/optimizer",
                    inheritedBy: name)
            }
        } catch {
            throw .invalidSettings(error)
        }
        do {
            return try change(
                to: try optimizer.prepareHyperparameters(
                    defaults: defaults, groupOverrides: overrides), policy)
        } catch {
            throw SessionError(engine: error)
        }
    }
}

/// The groups that a patch has not named yet, by name.
private struct UntouchedGroups {
    private let overrides: [String: HyperparameterOverrides]
    private var taken: Set<String> = []

    init(_ groups: [GroupTable.Group]) {
        overrides = Dictionary(uniqueKeysWithValues: groups.map { ($0.name, $0.overrides) })
    }

    /// The groups that nobody took.
    var rest: [(name: String, overrides: HyperparameterOverrides)] {
        overrides.filter { !taken.contains($0.key) }.sorted { $0.key < $1.key }
            .map { (name: $0.key, overrides: $0.value) }
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
