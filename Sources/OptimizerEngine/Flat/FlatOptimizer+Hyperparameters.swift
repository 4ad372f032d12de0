extension FlatOptimizer {
    /// Puts other hyperparameters in force from the next step on. Groups that are not named keep
    /// their overrides. A vector that a group begins to keep starts from zeros, amsgrad's maximum
    /// from the current `exp_avg_sq`; one that no group keeps any more is given up.
    /// - Throws: `OptimizerError`, or what the memory's maker throws; nothing has changed then.
    package func setHyperparameters(
        defaults: Hyperparameters, groupOverrides: [(name: String, HyperparameterOverrides)] = []
    ) throws {
        adopt(try prepareHyperparameters(defaults: defaults, groupOverrides: groupOverrides))
    }

    /// Other hyperparameters with the memory that they need, not yet in force.
    package struct PreparedHyperparameters {
        package var defaults: Hyperparameters { table.defaults }
        package var groups: [GroupTable.Group] { table.groups }
        fileprivate let table: GroupTable
        fileprivate let moments: Moments
    }

    /// Everything about `setHyperparameters` that can fail.
    package func prepareHyperparameters(
        defaults: Hyperparameters, groupOverrides: [(name: String, HyperparameterOverrides)] = []
    ) throws -> PreparedHyperparameters {
        let next = try table.replacing(defaults: defaults, overrides: groupOverrides)
        let moments = try next.moments(moments) { try makeMemory(elementCount * working.byteCount) }
        return PreparedHyperparameters(table: next, moments: moments)
    }

    /// Puts prepared hyperparameters in force; no others may have come between.
    package func adopt(_ prepared: PreparedHyperparameters) {
        adopt(prepared.table, prepared.moments)
    }
}

extension GroupTable {
    /// The memories that the groups' rules use: those at hand, or new ones.
    func moments(
        _ present: FlatOptimizer.Moments, make: () throws -> any ParameterMemory
    ) throws -> FlatOptimizer.Moments {
        var used = (false, false, false)
        for group in groups {
            let moments = group.hyperparameters.moments
            used.0 = used.0 || moments.0 != nil
            used.1 = used.1 || moments.1 != nil
            used.2 = used.2 || moments.2 != nil
        }
        return (
            used.0 ? try present.0 ?? make() : nil, used.1 ? try present.1 ?? make() : nil,
            used.2 ? try present.2 ?? make() : nil
        )
    }
}
