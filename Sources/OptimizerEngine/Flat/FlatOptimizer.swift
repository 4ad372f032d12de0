/// The optimizer of one run: parameters and moments of all tensors as flat vectors.
///
/// Not synchronized: at most one step, import or change of hyperparameters at a time, from any
/// thread. Only `StepPass.measure`, `StepPass.run` and reading a copy may run on several threads
/// at once, each tile on one.
package final class FlatOptimizer: @unchecked Sendable {
    package typealias MakeMemory = @Sendable (_ byteCount: Int) throws -> any ParameterMemory

    /// The type of the session; parameters and moments are kept in its working precision.
    package let elementType: ElementType
    package let slots: [ParameterSlot]
    package let elementCount: Int
    /// How far each slot has come.
    package private(set) var progress: [SlotProgress]
    package var defaults: Hyperparameters { table.defaults }
    package var groups: [GroupTable.Group] { table.groups }

    let kernels: Kernels
    private(set) var table: GroupTable
    /// First element of each slot, and the number of all elements at the end.
    let offsets: [Int]
    /// First norm block of each slot, and the number of all blocks at the end.
    let blockStarts: [Int]
    let parameters: any ParameterMemory
    private(set) var moments: Moments
    let matrices: MatrixTable
    /// Where matrices are orthogonalized; nil without any. It holds nothing between steps.
    package let workspace: (any ParameterMemory)?
    let makeMemory: MakeMemory

    /// The memories of the moments; nil where no group's rule uses one.
    typealias Moments = (
        (any ParameterMemory)?, (any ParameterMemory)?, (any ParameterMemory)?
    )

    var working: ElementType { elementType.working }

    /// - Parameters:
    ///   - slots: in layout order, each starting where the one before it ends.
    ///   - groups: named groups; the other slots form the group `default`.
    ///   - memory: gives zero-filled memory of so many bytes, or throws.
    /// - Throws: `OptimizerError`, or what `memory` throws.
    package init(
        elementType: ElementType, slots: [ParameterSlot], defaults: Hyperparameters,
        groups: [GroupSpecification] = [], kernels: Kernels = .best, memory: @escaping MakeMemory
    ) throws {
        guard !slots.isEmpty else { throw OptimizerError.noParameters }
        self.elementType = elementType
        self.slots = slots
        self.kernels = kernels
        elementCount = try Self.validatedCount(slots, width: elementType.working.byteCount)
        table = try GroupTable(slots: slots, defaults: defaults, specifications: groups)
        progress = Array(repeating: SlotProgress(), count: slots.count)
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
        moments = try table.moments((nil, nil, nil)) { try memory(byteCount) }
        matrices = try MatrixTable(slots, table)
        workspace = matrices.batches.isEmpty ? nil : try memory(matrices.workspaceBytes)
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

    /// One flat vector in the working precision; nil when no group's rule keeps it. What belongs to
    /// slots whose own rule does not keep it means nothing.
    package func vector(_ which: StateVector) -> UnsafeMutableRawBufferPointer? {
        guard which == .parameters || groups.contains(where: { $0.hyperparameters.keeps(which) })
        else { return nil }
        return memory(of: which, in: moments).map {
            UnsafeMutableRawBufferPointer(
                start: $0.base, count: elementCount * working.byteCount)
        }
    }

    private func memory(
        of vector: StateVector, in moments: Moments
    ) -> (any ParameterMemory)? {
        switch vector.place {
        case nil: parameters
        case 0: moments.0
        case 1: moments.1
        default: moments.2
        }
    }

    /// How much work a step is beside that of its elements, counted in elements.
    package var matrixWeight: Int { matrices.weight }

    /// How many vectors there are, the parameters included.
    package var vectorCount: Int {
        1 + (moments.0 == nil ? 0 : 1) + (moments.1 == nil ? 0 : 1) + (moments.2 == nil ? 0 : 1)
    }

    /// Every memory, of the parameters first.
    package var memories: [any ParameterMemory] {
        [parameters] + [moments.0, moments.1, moments.2].compactMap { $0 }
    }

    /// Where the parameters lie; valid also when there are none.
    package var parametersAddress: UnsafeMutableRawPointer { parameters.base }

    /// What is in force for the slot.
    package func hyperparameters(slot: Int) -> Hyperparameters {
        groups[table.groupOfSlot[slot]].hyperparameters
    }

    /// Whether the slot has the vector: its rule keeps it, and it has begun.
    package func has(_ vector: StateVector, slot: Int) -> Bool {
        let hyper = hyperparameters(slot: slot)
        guard hyper.keeps(vector) else { return false }
        return vector != .momentumBuffer || hyper.type != .sgd
            || progress[slot].hasMomentumBuffer
    }

    /// Gives zero-filled moments what a new run starts from, where that is not zero.
    package func startMoments() {
        for group in groups
        where group.hyperparameters.keeps(.sum)
            && group.hyperparameters.initialAccumulatorValue != 0
        {
            for slot in group.members { start(.sum, slot, moments, of: group) }
        }
    }

    /// Counts a step that slots have taken.
    ///
    /// - Parameter hyperparameters: of each group, as they held for it.
    func count(_ hyperparameters: [Hyperparameters], where hasStepped: (_ slot: Int) -> Bool) {
        let countsOnlySteps = hyperparameters.allSatisfy { $0.type != .nadam && $0.type != .sgd }
        var counted = progress
        progress = []  // so that the changes below copy nothing
        for slot in counted.indices where hasStepped(slot) {
            if countsOnlySteps {
                counted[slot].step = SlotProgress.next(counted[slot].step)
            } else {
                counted[slot] = counted[slot].next(hyperparameters[table.groupOfSlot[slot]])
            }
        }
        progress = counted
    }

    /// Sets how far each slot has come, as part of an import.
    package func restore(_ progress: [SlotProgress]) throws(OptimizerError) {
        guard progress.count == slots.count else {
            throw .state(.wrongCount(entry: "step", expected: slots.count, actual: progress.count))
        }
        for (slot, one) in zip(slots, progress)
        where !(0...SlotProgress.maximumStep).contains(one.step) {
            throw .state(.invalidStep(entry: slot.name + "/step", step: one.step))
        }
        self.progress = progress
    }

    /// Adopts what `prepareHyperparameters` made.
    func adopt(_ table: GroupTable, _ moments: Moments) {
        for (old, new) in zip(self.table.groups, table.groups) {
            for vector in StateVector.moments
            where new.hyperparameters.keeps(vector) && !old.hyperparameters.keeps(vector) {
                for slot in new.members { start(vector, slot, moments, of: new) }
            }
        }
        self.table = table
        self.moments = moments
    }

    /// What a vector starts from: zeros mostly.
    private func start(
        _ vector: StateVector, _ slot: Int, _ moments: Moments, of group: GroupTable.Group
    ) {
        let width = working.byteCount
        let (offset, count) = (slots[slot].offset * width, slots[slot].count)
        func place(_ vector: StateVector) -> UnsafeMutableRawPointer? {
            memory(of: vector, in: moments)?.base.advanced(by: offset)
        }
        guard let destination = place(vector) else { return }
        switch vector {
        case .maxExpAvgSq:
            guard let squares = place(.expAvgSq) else { return }
            destination.copyMemory(from: squares, byteCount: count * width)
        case .sum:
            let start = group.hyperparameters.initialAccumulatorValue
            if working == .f64 {
                destination.initializeMemory(as: Double.self, repeating: start, count: count)
            } else {
                destination.initializeMemory(as: Float.self, repeating: Float(start), count: count)
            }
        case .momentumBuffer where group.hyperparameters.type == .sgd:
            progress[slot].hasMomentumBuffer = false
        default:
            destination.initializeMemory(as: UInt8.self, repeating: 0, count: count * width)
        }
    }
}
