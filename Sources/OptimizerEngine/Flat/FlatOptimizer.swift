/// The optimizer of one run: parameters and moments of all tensors as flat vectors.
///
/// Not synchronized: at most one step, import or change of hyperparameters at a time, from any
/// thread. Only `StepPass.measure`, `StepPass.apply` and reading a copy may run on several threads
/// at once, each tile on one.
package final class FlatOptimizer: @unchecked Sendable {
    package typealias MakeMemory = @Sendable (_ byteCount: Int) throws -> any ParameterMemory

    package let type: OptimizerType
    /// The type of the session; parameters and moments are kept in its working precision.
    package let elementType: ElementType
    package let slots: [ParameterSlot]
    package let elementCount: Int
    /// How many steps each slot has taken.
    package internal(set) var steps: [Int]
    package var defaults: Hyperparameters { table.defaults }
    package var groups: [GroupTable.Group] { table.groups }

    let kernels: Kernels
    private(set) var table: GroupTable
    /// First element of each slot, and the number of all elements at the end.
    let offsets: [Int]
    /// First norm block of each slot, and the number of all blocks at the end.
    let blockStarts: [Int]
    let parameters: any ParameterMemory
    let expAvg: any ParameterMemory
    let expAvgSq: any ParameterMemory
    private(set) var maxExpAvgSq: (any ParameterMemory)?
    private let makeMemory: MakeMemory

    var working: ElementType { elementType.working }

    /// - Parameters:
    ///   - slots: in layout order, each starting where the one before it ends.
    ///   - groups: named groups; the other slots form the group `default`.
    ///   - memory: gives zero-filled memory of so many bytes, or throws.
    /// - Throws: `OptimizerError`, or what `memory` throws.
    package init(
        type: OptimizerType, elementType: ElementType, slots: [ParameterSlot],
        defaults: Hyperparameters, groups: [GroupSpecification] = [], kernels: Kernels = .best,
        memory: @escaping MakeMemory
    ) throws {
        guard !slots.isEmpty else { throw OptimizerError.noParameters }
        self.type = type
        self.elementType = elementType
        self.slots = slots
        self.kernels = kernels
        elementCount = try Self.validatedCount(slots, width: elementType.working.byteCount)
        table = try GroupTable(slots: slots, defaults: defaults, specifications: groups)
        steps = [Int](repeating: 0, count: slots.count)
        offsets = slots.map(\.offset) + [elementCount]
        var blocks = 0
        blockStarts = [0] + slots.map { slot in
            blocks += slot.count / Kernels.normBlock
            blocks += slot.count % Kernels.normBlock == 0 ? 0 : 1
            return blocks
        }
        let byteCount = elementCount * elementType.working.byteCount
        makeMemory = memory
        parameters = try memory(byteCount)
        expAvg = try memory(byteCount)
        expAvgSq = try memory(byteCount)
        let usesMaximum = table.groups.contains { $0.hyperparameters.amsgrad }
        maxExpAvgSq = usesMaximum ? try memory(byteCount) : nil
    }

    /// The number of all elements, when slots follow one another and their bytes can be counted.
    private static func validatedCount(
        _ slots: [ParameterSlot], width: Int
    ) throws(OptimizerError) -> Int {
        var total = 0
        for slot in slots {
            guard slot.count >= 0, slot.offset == total else {
                throw .invalidLayout(parameter: slot.name)
            }
            let (sum, overflow) = total.addingReportingOverflow(slot.count)
            guard !overflow, !sum.multipliedReportingOverflow(by: width).overflow else {
                throw .invalidLayout(parameter: slot.name)
            }
            total = sum
        }
        return total
    }

    /// One flat vector in the working precision; nil for the maximum when no group uses amsgrad.
    package func vector(_ which: StateVector) -> UnsafeMutableRawBufferPointer? {
        let memory: (any ParameterMemory)? =
            switch which {
            case .parameters: parameters
            case .expAvg: expAvg
            case .expAvgSq: expAvgSq
            case .maxExpAvgSq: maxExpAvgSq
            }
        return memory.map {
            UnsafeMutableRawBufferPointer(
                start: $0.base, count: elementCount * working.byteCount)
        }
    }

    /// Where the parameters lie; valid also when there are none.
    package var parametersAddress: UnsafeMutableRawPointer { parameters.base }

    /// Whether the slot's group uses amsgrad, so that its maximum means something.
    package func usesMaximum(slot: Int) -> Bool {
        groups[table.groupOfSlot[slot]].hyperparameters.amsgrad
    }

    /// Puts other hyperparameters in force from the next step on. Groups that are not named keep
    /// their overrides. Where amsgrad is turned on, the maximum starts at the current `exp_avg_sq`.
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
        fileprivate let maximum: (any ParameterMemory)?
    }

    /// Everything about `setHyperparameters` that can fail.
    package func prepareHyperparameters(
        defaults: Hyperparameters, groupOverrides: [(name: String, HyperparameterOverrides)] = []
    ) throws -> PreparedHyperparameters {
        let next = try table.replacing(defaults: defaults, overrides: groupOverrides)
        let usesMaximum = next.groups.contains { $0.hyperparameters.amsgrad }
        let maximum =
            usesMaximum
            ? try maxExpAvgSq ?? makeMemory(elementCount * working.byteCount)
            : nil
        return PreparedHyperparameters(table: next, maximum: maximum)
    }

    /// Puts prepared hyperparameters in force; no others may have come between.
    package func adopt(_ prepared: PreparedHyperparameters) {
        if let maximum = prepared.maximum {
            for (old, new) in zip(table.groups, prepared.table.groups)
            where new.hyperparameters.amsgrad && !old.hyperparameters.amsgrad {
                for member in new.members { startMaximum(maximum, slot: member) }
            }
        }
        maxExpAvgSq = prepared.maximum
        table = prepared.table
    }

    private func startMaximum(_ maximum: any ParameterMemory, slot: Int) {
        let width = working.byteCount
        let start = slots[slot].offset * width
        maximum.base.advanced(by: start).copyMemory(
            from: expAvgSq.base.advanced(by: start), byteCount: slots[slot].count * width)
    }

    /// The largest step count; counting stops there, far beyond where any β^t is zero.
    package static let maximumStep = 1 << 53

    /// Sets each slot's step count, as part of an import.
    package func restore(steps: [Int]) throws(OptimizerError) {
        guard steps.count == slots.count else {
            throw .state(.wrongCount(entry: "step", expected: slots.count, actual: steps.count))
        }
        for (slot, step) in zip(slots, steps) where !(0...Self.maximumStep).contains(step) {
            throw .state(.invalidStep(entry: slot.name + "/step", step: step))
        }
        self.steps = steps
    }
}
