// The read-only pass over the gradients: their norm, and whether they are finite.
//
// The norm's blocks are counted from each tensor's start and their sums added in layout order, so
// the norm depends neither on tiles nor on how the gradients arrived.

extension StepPass {
    package var measureTileCount: Int {
        blockSums.count / Self.tileBlocks + (blockSums.count % Self.tileBlocks == 0 ? 0 : 1)
    }

    /// Sums up what one tile's blocks add to the norm.
    package func measure(tile: Int) {
        for (block, slot) in blocks(ofTile: tile) {
            guard let (base, type, count) = gradient(ofBlock: block, slot: slot) else { continue }
            blockSums[block] = optimizer.kernels.normSum(
                settings.normType, base, type, working: optimizer.working, count: count,
                gradScale: gradScale)
        }
    }

    /// The norm of each slot's gradient; nil where it is absent. Known once all is measured.
    package func tensorNorms() -> [Double?] {
        let norm = settings.normType
        return optimizer.slots.indices.map { slot in
            guard gradients.tensor(slot, offset: optimizer.offsets[slot]) != nil else {
                return nil
            }
            let blocks = optimizer.blockStarts[slot]..<optimizer.blockStarts[slot + 1]
            return norm.root(blocks.reduce(0) { norm.joined($0, blockSums[$1]) })
        }
    }

    /// The slots whose gradients are not finite. A finite sum proves its block finite; the others
    /// are looked at again, since squares of finite F64 numbers may overflow.
    func nonfiniteSlots() -> [Int] {
        optimizer.slots.indices.filter { slot in
            let blocks = optimizer.blockStarts[slot]..<optimizer.blockStarts[slot + 1]
            return blocks.contains { block in
                guard !blockSums[block].isFinite,
                    let (base, type, count) = gradient(ofBlock: block, slot: slot)
                else { return false }
                return !optimizer.kernels.allFinite(
                    base, type, working: optimizer.working, count: count, gradScale: gradScale)
            }
        }
    }

    /// The blocks of one tile, each with the slot that it belongs to.
    func blocks(ofTile tile: Int) -> NormBlocks {
        let start = tile * Self.tileBlocks
        return NormBlocks(
            block: start, slot: slot(ofBlock: start),
            end: min(start + Self.tileBlocks, blockSums.count),
            blockStarts: optimizer.blockStarts)
    }

    struct NormBlocks: Sequence, IteratorProtocol {
        fileprivate var block: Int
        fileprivate var slot: Int
        fileprivate let end: Int
        fileprivate let blockStarts: [Int]

        mutating func next() -> (block: Int, slot: Int)? {
            guard block < end else { return nil }
            while blockStarts[slot + 1] <= block { slot += 1 }
            defer { block += 1 }
            return (block, slot)
        }
    }

    func gradient(
        ofBlock block: Int, slot: Int
    ) -> (UnsafeRawPointer, ElementType, count: Int)? {
        let (start, end) = (optimizer.offsets[slot], optimizer.offsets[slot + 1])
        guard let (base, type) = gradients.tensor(slot, offset: start) else { return nil }
        let first = (block - optimizer.blockStarts[slot]) * Kernels.normBlock
        let count = min(Kernels.normBlock, end - start - first)
        return (base.advanced(by: first * type.byteCount), type, count)
    }

    /// The last slot whose first block is at or before `block`.
    private func slot(ofBlock block: Int) -> Int {
        optimizer.blockStarts.partitionPoint { $0 > block } - 1
    }
}
