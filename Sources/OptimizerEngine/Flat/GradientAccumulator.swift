/// Gradients that were added up for a step to come, in the working precision and in layout order.
///
/// Not synchronized: one addition or reading at a time; only their tiles may run on several threads
/// at once, each on one.
package final class GradientAccumulator: @unchecked Sendable {
    /// What the sum is made of.
    package enum Reduction: String, Sendable, CaseIterable {
        case sum
        /// The sum divided by that of the weights, for each parameter by its own.
        case mean
    }

    /// Of each slot, the sum of the weights; nil where there is no gradient yet.
    package private(set) var weights: [Double?]
    /// How many gradients were added, whole or in part.
    package private(set) var count = 0

    package let memory: any ParameterMemory
    private let optimizer: FlatOptimizer

    package init(of optimizer: FlatOptimizer) throws {
        self.optimizer = optimizer
        weights = Array(repeating: nil, count: optimizer.slots.count)
        memory = try optimizer.makeMemory(optimizer.elementCount * optimizer.working.byteCount)
    }

    package var tileCount: Int { optimizer.exportTileCount }
    package var isEmpty: Bool { count == 0 }

    /// Whether every sum of weights would still be a number by which the working precision divides.
    package func canAdd(weight: Double) -> Bool {
        let largest = weights.lazy.compactMap(\.self).max() ?? 0
        return optimizer.working.narrowed(largest + weight).isFinite
    }

    /// Adds one tile of gradients times a weight. `commit` follows when all tiles have.
    package func add(_ gradients: Gradients, weight: Double, tile: Int) {
        forEachPart(ofTile: tile) { slot, part, offset in
            guard let (base, type) = gradients.tensor(slot, offset: optimizer.offsets[slot])
            else { return }
            let distance = (part.lowerBound - optimizer.offsets[slot]) * type.byteCount
            optimizer.kernels.accumulate(
                base + distance, type, weight: optimizer.working.narrowed(weight),
                starts: weights[slot] == nil, in: memory.base + offset, optimizer.working,
                count: part.count)
        }
    }

    /// Counts what was added.
    package func commit(_ gradients: Gradients, weight: Double) {
        for slot in weights.indices
        where gradients.tensor(slot, offset: optimizer.offsets[slot]) != nil {
            weights[slot] = (weights[slot] ?? 0) + weight
        }
        count += 1
    }

    /// Writes one tile of what a step takes to memory of the accumulator's own layout. Of slots
    /// without a gradient nothing is written.
    package func write(
        _ reduction: Reduction, to target: UnsafeMutableRawPointer, tile: Int
    ) {
        let working = optimizer.working
        forEachPart(ofTile: tile) { slot, part, offset in
            guard let weight = weights[slot] else { return }
            switch reduction {
            case .sum:
                (target + offset).copyMemory(
                    from: memory.base + offset, byteCount: part.count * working.byteCount)
            case .mean:
                optimizer.kernels.divide(
                    memory.base + offset, by: working.narrowed(weight), to: target + offset,
                    working, count: part.count)
            }
        }
    }

    /// Where the gradients lie in memory of that layout.
    package var places: Gradients.Places {
        guard weights.contains(where: { $0 == nil }) else { return .whole(optimizer.working) }
        return .each(
            zip(weights, optimizer.offsets).map { weight, offset in
                weight.map { _ in
                    GradientPlace(
                        byteOffset: offset * optimizer.working.byteCount, type: optimizer.working)
                }
            })
    }

    /// Forgets what was added; the memory stays for more.
    package func zero() {
        weights = Array(repeating: nil, count: weights.count)
        count = 0
    }

    /// Takes over what another one of the same layout, or a file, holds besides the sums.
    package func restore(weights: [Double?], count: Int) {
        precondition(weights.count == self.weights.count, "a weight, or none, for each slot")
        self.weights = weights
        self.count = count
    }

    private func forEachPart(
        ofTile tile: Int, _ body: (_ slot: Int, _ part: Range<Int>, _ byteOffset: Int) -> Void
    ) {
        let elements = StepPass.elements(ofTile: tile, of: optimizer.elementCount)
        let offsets = optimizer.offsets
        var slot = offsets.partitionPoint { $0 > elements.lowerBound } - 1
        while slot < weights.count, offsets[slot] < elements.upperBound {
            let part = (offsets[slot]..<offsets[slot + 1]).clamped(to: elements)
            if !part.isEmpty {
                body(slot, part, part.lowerBound * optimizer.working.byteCount)
            }
            slot += 1
        }
    }
}
