import OptimizerEngine
import TensorFormats

/// Settings that were checked against a layout: every tensor is in exactly one group, every value
/// in its range.
struct ResolvedSettings {
    let defaults: Hyperparameters
    /// All groups. `default` comes first where nobody wrote it out, and only if it has members.
    let groups: [GroupSpecification]
    let policy: StepPolicy

    /// Groups a session may have.
    static let groupLimit = 4096

    init(_ settings: SessionSettings, layout: TensorLayout) throws(SessionError) {
        defaults = settings.defaults
        policy = settings.policy
        do {
            try Self.check(
                settings.defaults, setBy: HyperparameterOverrides(settings.defaults),
                at: "/optimizer")
            try settings.policy.check()
            groups = try Self.groups(settings, layout)
        } catch {
            throw .invalidSettings(error)
        }
    }

    /// The settings in force in a state.
    init(of state: SessionState) {
        defaults = state.optimizer.defaults
        groups = state.optimizer.groups.map {
            GroupSpecification(name: $0.name, members: $0.members, overrides: $0.overrides)
        }
        policy = state.policy
    }

    /// - Parameters:
    ///   - overrides: what the request sets there.
    ///   - group: the group that inherits it, when the fault is one only together with its own.
    static func check(
        _ hyperparameters: Hyperparameters, setBy overrides: HyperparameterOverrides,
        at pointer: String, inheritedBy group: String? = nil
    ) throws(SettingsFault) {
        do {
            try hyperparameters.validate()
        } catch {
            let option = HyperparameterName(rawValue: error.name)
            let isSetHere = option.map { overrides[$0] != nil } ?? true
            guard isSetHere || overrides[.nesterov] != true else {
                throw SettingsFault(
                    .invalidHyperparameter, "\(pointer)/nesterov",
                    "needs a momentum > 0 and dampening 0")
            }
            let fault = SettingsFault(error, at: "\(pointer)/\(error.name)")
            throw SettingsFault(
                fault.kind, fault.pointer,
                fault.detail + (group.map { ", in group \"\($0)\"" } ?? ""))
        }
    }

    private static func groups(
        _ settings: SessionSettings, _ layout: TensorLayout
    ) throws(SettingsFault) -> [GroupSpecification] {
        guard settings.groups.count <= groupLimit else {
            throw SettingsFault(
                .invalidHyperparameter, "/param_groups",
                "must not have more than \(groupLimit) groups")
        }
        var groups: [GroupSpecification] = []
        var names: Set<String> = []
        var isFree = [Bool](repeating: true, count: layout.tensors.count)
        for (index, group) in settings.groups.enumerated() {
            let pointer = "/param_groups/\(index)"
            guard SessionName.isValid(group.name) else {
                throw SettingsFault(
                    .invalidName, "\(pointer)/name",
                    "must be \(SessionName.rule)")
            }
            guard names.insert(group.name).inserted else {
                throw SettingsFault(
                    .invalidHyperparameter, "\(pointer)/name",
                    "is the name of another group already")
            }
            let members = try members(of: group, at: pointer, layout, &isFree)
            try check(
                group.overrides.applied(to: settings.defaults), setBy: group.overrides,
                at: pointer)
            groups.append(
                GroupSpecification(
                    name: group.name, members: members, overrides: group.overrides))
        }
        let all = withDefault(groups, layout.tensors.indices.filter { isFree[$0] })
        for group in all { try checkShapes(of: group, settings, layout) }
        return all
    }

    /// Muon steps matrices alone.
    private static func checkShapes(
        of group: GroupSpecification, _ settings: SessionSettings, _ layout: TensorLayout
    ) throws(SettingsFault) {
        guard group.overrides.applied(to: settings.defaults).type == .muon,
            let other = group.members.first(where: { layout.tensors[$0].shape.count != 2 })
        else { return }
        let tensor = layout.tensors[other]
        let index = settings.groups.firstIndex { $0.name == group.name }
        throw SettingsFault(
            .invalidHyperparameter, index.map { "/param_groups/\($0)/type" } ?? "/optimizer/type",
            "muon is for parameters of two dimensions, and \"\(tensor.name)\" has "
                + "\(tensor.shape.count): put it into a group of another type")
    }

    private static func members(
        of group: GroupSettings, at pointer: String, _ layout: TensorLayout, _ isFree: inout [Bool]
    ) throws(SettingsFault) -> [Int] {
        var members: [Int] = []
        for (index, name) in group.params.enumerated() {
            guard let tensor = layout.index(of: name) else {
                throw SettingsFault(
                    .unknownParameter, "\(pointer)/params/\(index)",
                    "names no parameter of the session: \"\(name)\"")
            }
            guard isFree[tensor] else {
                throw SettingsFault(
                    .invalidHyperparameter, "\(pointer)/params/\(index)",
                    "names \"\(name)\", which is in a group already")
            }
            isFree[tensor] = false
            members.append(tensor)
        }
        return members.sorted()
    }

    /// Gives the tensors that no group named to the group `default`.
    private static func withDefault(
        _ groups: [GroupSpecification], _ rest: [Int]
    ) -> [GroupSpecification] {
        var groups = groups
        if let index = groups.firstIndex(where: { $0.name == GroupTable.defaultName }) {
            groups[index].members = (groups[index].members + rest).sorted()
        } else if !rest.isEmpty {
            let unnamed = GroupSpecification(
                name: GroupTable.defaultName, members: rest, overrides: HyperparameterOverrides())
            groups.insert(unnamed, at: 0)
        }
        return groups
    }
}

extension SettingsFault {
    init(_ error: HyperparameterError, at pointer: String) {
        let value = Decimal.shortest(error.value)
        self.init(.invalidHyperparameter, pointer, "\(error.requirement), not \(value)")
    }
}
