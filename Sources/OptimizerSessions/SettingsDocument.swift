import OptimizerEngine
import TensorFormats

/// Settings as JSON: the members `optimizer`, `param_groups`, `max_grad_norm` and `nonfinite` of
/// a creation, a patch, or the metadata of a state file.
///
/// Only the form is judged here (kinds of values, unknown members); whether a hyperparameter is
/// in its range and a tensor exists, is judged where the session is known.
package enum SettingsDocument {
    /// A creation's settings. What is missing has its default.
    package static func settings(
        from members: [JSONMember]
    ) throws(SettingsFault) -> SessionSettings {
        var reader = MemberReader(members, at: "")
        var settings = SessionSettings()
        if var optimizer = try reader.object("optimizer") {
            let type = try optimizer.choice("type", of: OptimizerType.self) ?? .adam
            let overrides = try optimizer.overrides()
            try overrides.check(of: type, at: "/optimizer")
            settings.defaults = overrides.applied(to: type.defaults)
            try optimizer.finish()
        }
        let groups = try reader.objects("param_groups") ?? []
        for (index, var group) in groups.enumerated() {
            guard let name = try group.string("name") else { throw group.missing("name") }
            guard let params = try group.strings("params") else { throw group.missing("params") }
            let type = try group.choice("type", of: OptimizerType.self)
            var overrides = try group.overrides()
            try overrides.check(
                of: type ?? settings.defaults.type, at: "/param_groups/\(index)")
            overrides.type = type
            settings.groups.append(
                GroupSettings(name: name, params: params, overrides: overrides))
            try group.finish()
        }
        settings.policy = try reader.policy().applied(to: settings.policy)
        try reader.finish()
        return settings
    }

    /// A merge-patch. `type` and `params` cannot change and are unknown members here.
    package static func patch(from members: [JSONMember]) throws(SettingsFault) -> SessionPatch {
        var reader = MemberReader(members, at: "")
        var patch = SessionPatch()
        if var optimizer = try reader.object("optimizer") {
            try optimizer.refuse("type", "the optimizer's type cannot change")
            patch.defaults = try optimizer.overrides()
            try optimizer.finish()
        }
        for var group in try reader.objects("param_groups") ?? [] {
            try group.refuse("params", "a group's parameters cannot change")
            try group.refuse("type", "a group's type cannot change")
            guard let name = try group.string("name") else { throw group.missing("name") }
            patch.groups.append((name, try group.overrides()))
            try group.finish()
        }
        patch.policy = try reader.policy()
        try reader.finish()
        return patch
    }
}

extension HyperparameterOverrides {
    /// Finds a hyperparameter that the type has not.
    func check(of type: OptimizerType, at pointer: String) throws(SettingsFault) {
        guard let name = unknownOption(of: type) else { return }
        let known = type.options.map(\.rawValue).joined(separator: ", ")
        throw SettingsFault(
            .unknownMember, "\(pointer)/\(name.rawValue)",
            "is no hyperparameter of \(type.rawValue), which has \(known)")
    }
}
