import OptimizerEngine
import SystemIO
import TensorFormats

/// What the operations of all sessions share.
struct SessionContext: Sendable {
    let limits: SessionLimits
    let lanes: LanePool
    let bodies: SlabPool
    var budget: StateBudget
    /// nil: sessions live in memory only.
    let archive: Archive?

    /// A slab for an answer. Asked for before anything changes.
    func takeBody(_ byteCount: Int) throws(SessionError) -> Slab {
        do {
            return try bodies.take(byteCount)
        } catch {
            throw .overBudget(pool: error, asked: byteCount)
        }
    }

    /// Runs a job of tiles: here when it is light, on the lanes otherwise.
    ///
    /// - Parameter isAlone: nothing else waits for this thread.
    func run(
        weight: Int, isAlone: Bool = false, tiles: Int,
        _ tile: @escaping @Sendable (Int) -> Void, then completion: @escaping @Sendable () -> Void
    ) {
        guard weight > bound(isAlone) else {
            for number in 0..<tiles { tile(number) }
            return completion()
        }
        lanes.run(tiles: tiles, tile, then: completion)
    }

    private func bound(_ isAlone: Bool) -> Int {
        isAlone ? limits.loneInlineElementCount : limits.inlineElementCount
    }

    /// Runs work that is one piece: here when it is light, on a lane otherwise.
    func run(weight: Int, isAlone: Bool = false, _ work: @escaping @Sendable () -> Void) {
        guard weight > bound(isAlone) else { return work() }
        lanes.submit(work)
    }
}

extension TensorLayout {
    /// How much work the whole layout is, counted in elements. What is done for each tensor
    /// (tables, names, checks) costs about as much as stepping this many elements.
    var weight: Int { elementCount + tableWeight }

    var tableWeight: Int { 64 * tensors.count }
}
