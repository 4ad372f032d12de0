/// The groups of one optimizer: every slot is in exactly one.
package struct GroupTable: Sendable {
    package struct Group: EffectiveGroup, Equatable, Sendable {
        package let name: String
        /// Slot indices, rising.
        package let members: [Int]
        package fileprivate(set) var overrides: HyperparameterOverrides
        /// What is in force: the defaults with the overrides laid over them.
        package fileprivate(set) var hyperparameters: Hyperparameters
    }

    package static let defaultName = "default"

    package private(set) var defaults: Hyperparameters
    package private(set) var groups: [Group]
    package let groupOfSlot: [Int]

    /// Slots that no specification names form the group `default`, which comes first unless it is
    /// written out.
    init(
        slots: [ParameterSlot], defaults: Hyperparameters, specifications: [GroupSpecification]
    ) throws(OptimizerError) {
        try checked { () throws(HyperparameterError) in try defaults.validate() }
        var members: [[Int]] = []
        var groupOfSlot = [Int](repeating: -1, count: slots.count)
        var specifications = specifications
        let isWritten = specifications.contains { $0.name == Self.defaultName }
        if !isWritten {
            specifications.insert(
                GroupSpecification(name: Self.defaultName, members: [], overrides: .init()), at: 0)
        }
        var names: Set<String> = []
        for (index, group) in specifications.enumerated() {
            guard names.insert(group.name).inserted else { throw .duplicateGroup(group.name) }
            for slot in group.members {
                guard slots.indices.contains(slot) else {
                    throw .unknownParameter("#\(slot)", group: group.name)
                }
                guard groupOfSlot[slot] < 0 else {
                    throw .parameterInTwoGroups(parameter: slots[slot].name, group: group.name)
                }
                groupOfSlot[slot] = index
            }
            members.append([])
        }
        let fallback = specifications.firstIndex { $0.name == Self.defaultName } ?? 0
        for slot in slots.indices {
            if groupOfSlot[slot] < 0 { groupOfSlot[slot] = fallback }
            members[groupOfSlot[slot]].append(slot)
        }
        if !isWritten && members[0].isEmpty {
            members.removeFirst()
            specifications.removeFirst()
            for slot in slots.indices { groupOfSlot[slot] -= 1 }
        }
        self.defaults = defaults
        self.groupOfSlot = groupOfSlot
        groups = []
        for (group, members) in zip(specifications, members) {
            groups.append(
                Group(
                    name: group.name, members: members, overrides: group.overrides,
                    hyperparameters: try group.overrides.checked(group.name, with: defaults)))
        }
    }

    /// The table with other values. Groups that are not named keep their overrides.
    func replacing(
        defaults: Hyperparameters, overrides: [(name: String, HyperparameterOverrides)]
    ) throws(OptimizerError) -> GroupTable {
        try checked { () throws(HyperparameterError) in try defaults.validate() }
        var table = self
        table.defaults = defaults
        let indices = Dictionary(
            zip(groups.map(\.name), groups.indices), uniquingKeysWith: { first, _ in first })
        for (name, values) in overrides {
            guard let index = indices[name] else { throw .unknownGroup(name) }
            table.groups[index].overrides = values
        }
        for index in groups.indices {
            let group = table.groups[index]
            let hyperparameters = try group.overrides.checked(group.name, with: defaults)
            guard hyperparameters.type == group.hyperparameters.type else {
                throw .typeChanged(group: group.name)
            }
            table.groups[index].hyperparameters = hyperparameters
        }
        return table
    }
}

extension HyperparameterOverrides {
    /// What they come to for a group, when its rule has every one of them and each is in its range.
    fileprivate func checked(
        _ group: String, with defaults: Hyperparameters
    ) throws(OptimizerError) -> Hyperparameters {
        let hyperparameters = applied(to: defaults)
        if let name = unknownOption(of: hyperparameters.type) {
            throw .unknownOption(name, of: hyperparameters.type, group: group)
        }
        try OptimizerEngine.checked { () throws(HyperparameterError) in
            try hyperparameters.validate(group: group)
        }
        return hyperparameters
    }
}

/// Runs a validation, carrying its error over.
func checked(_ body: () throws(HyperparameterError) -> Void) throws(OptimizerError) {
    do {
        try body()
    } catch {
        throw .invalidHyperparameter(error)
    }
}
