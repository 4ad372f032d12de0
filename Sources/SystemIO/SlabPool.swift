import Synchronization

package enum SlabPoolError: Error, Equatable, Sendable {
    /// Granting the slab would exceed the pool's limit. Asking again later may succeed.
    case overBudget(limitBytes: Int, inUseBytes: Int)
    case outOfMemory(Errno)
}

/// Slabs for bodies, recycled by size class within two bounds: bytes in use and bytes kept idle.
/// Memory for bodies that is not in slabs is reserved in the same budget.
///
/// Fresh memory costs a page fault for every page the first time it is written, which is more
/// than an optimizer step on the same bytes; a recycled slab costs none.
package final class SlabPool: Sendable {
    /// Bytes that slabs in use, counted in whole size classes, and reservations may have together.
    package let limitBytes: Int
    /// Bytes kept for the next request; beyond it the blocks idle for longest go first.
    package let idleBytes: Int

    private struct State {
        var inUseBytes = 0
        var idle = IdleBlocks()
    }
    private let state = Mutex(State())

    package init(limitBytes: Int, idleBytes: Int) {
        self.limitBytes = limitBytes
        self.idleBytes = idleBytes
    }

    package var inUseBytes: Int { state.withLock { $0.inUseBytes } }

    /// A slab of `byteCount` bytes; its contents are undefined, often what the last user left.
    package func take(_ byteCount: Int) throws(SlabPoolError) -> Slab {
        guard let size = SlabSizeClass(holding: byteCount) else {
            throw .overBudget(limitBytes: limitBytes, inUseBytes: inUseBytes)
        }
        try charge(size.byteCount)
        let idle = state.withLock { $0.idle.pop(size) }
        if let idle { return Slab(byteCount: byteCount, memory: idle, pool: self) }
        do {
            let memory = try SlabMemory.allocate(byteCount: size.byteCount, zeroed: false)
            return Slab(byteCount: byteCount, memory: memory, pool: self)
        } catch {
            discharge(size.byteCount)
            throw .outOfMemory(error)
        }
    }

    func charge(_ byteCount: Int) throws(SlabPoolError) {
        let inUse: Int? = state.withLock { state in
            let (total, overflow) = state.inUseBytes.addingReportingOverflow(byteCount)
            guard !overflow, total <= limitBytes else { return state.inUseBytes }
            state.inUseBytes = total
            return nil
        }
        if let inUse { throw .overBudget(limitBytes: limitBytes, inUseBytes: inUse) }
    }

    func chargeUnbounded(_ byteCount: Int) {
        state.withLock { $0.inUseBytes += byteCount }
    }

    func discharge(_ byteCount: Int) {
        state.withLock { $0.inUseBytes -= byteCount }
    }

    func takeBack(_ memory: SlabMemory) {
        let displaced: [SlabMemory] = state.withLock { state in
            state.inUseBytes -= memory.byteCount
            guard memory.byteCount <= idleBytes else { return [memory] }
            state.idle.push(memory)
            return state.idle.evictOldest(downTo: idleBytes)
        }
        // Unmapping takes long; it happens outside the lock.
        for block in displaced { block.release() }
    }

    deinit {
        // Slabs keep their pool alive, so only idle blocks are left here.
        let rest = state.withLock { $0.idle.evictOldest(downTo: 0) }
        for block in rest { block.release() }
    }
}

/// A power of two or one of the three equal steps to the next one: at most a quarter is unused.
struct SlabSizeClass: Equatable {
    let byteCount: Int
    /// Classes counted from the smallest.
    let index: Int

    static let smallestBytes = 4096
    /// Beyond this no budget of one machine reaches.
    static let largestBytes = 1 << 46
    static let count = 1 + 4 * (46 - 12)

    init?(holding asked: Int) {
        guard asked <= Self.largestBytes else { return nil }
        guard asked > Self.smallestBytes else {
            byteCount = Self.smallestBytes
            index = 0
            return
        }
        let exponent = Int.bitWidth - 1 - (asked - 1).leadingZeroBitCount
        let step = 1 << (exponent - 2)
        let steps = (asked + step - 1) / step
        byteCount = steps * step
        // Five to eight steps make a class of this exponent.
        index = 4 * (exponent - 12) + steps - 4
    }
}

/// Blocks that nobody uses: the most recently used of a class is handed out (its bytes may still
/// be in cache), the one idle for longest over all classes is given up.
private struct IdleBlocks {
    private struct Block {
        let memory: SlabMemory
        let arrival: UInt64
    }

    /// By class.
    private var stacks = [[Block]](repeating: [], count: SlabSizeClass.count)
    private var byteCount = 0
    private var arrivals: UInt64 = 0

    mutating func push(_ memory: SlabMemory) {
        guard let size = SlabSizeClass(holding: memory.byteCount) else { return }
        arrivals += 1
        byteCount += memory.byteCount
        stacks[size.index].append(Block(memory: memory, arrival: arrivals))
    }

    mutating func pop(_ size: SlabSizeClass) -> SlabMemory? {
        guard let block = stacks[size.index].popLast() else { return nil }
        byteCount -= block.memory.byteCount
        return block.memory
    }

    mutating func evictOldest(downTo limit: Int) -> [SlabMemory] {
        var evicted: [SlabMemory] = []
        while byteCount > limit {
            let oldest = stacks.indices.filter { !stacks[$0].isEmpty }
                .min { stacks[$0][0].arrival < stacks[$1][0].arrival }
            guard let oldest else { break }
            let block = stacks[oldest].removeFirst()
            byteCount -= block.memory.byteCount
            evicted.append(block.memory)
        }
        return evicted
    }
}
