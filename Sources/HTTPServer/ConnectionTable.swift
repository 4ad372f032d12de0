/// A connection's place in its loop's table, and which of the connections that have had this
/// place it is. A token of a closed connection finds nothing.
struct ConnectionToken: Hashable, Sendable {
    let slot: UInt32
    let generation: UInt32

    init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    init(rawValue: UInt64) {
        slot = UInt32(truncatingIfNeeded: rawValue)
        generation = UInt32(truncatingIfNeeded: rawValue >> 32)
    }

    /// As the poller carries it.
    var rawValue: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

/// The connections of one loop.
struct ConnectionTable<Member: AnyObject> {
    private struct Slot {
        var generation: UInt32 = 0
        var member: Member?
    }

    private var slots: [Slot] = []
    private var free: [UInt32] = []
    private let firstSlot: UInt32
    private(set) var count = 0

    /// - Parameter firstSlot: slots below it are somebody else's.
    init(firstSlot: Int) {
        self.firstSlot = UInt32(firstSlot)
    }

    mutating func insert(_ make: (ConnectionToken) -> Member) -> Member {
        let index = free.popLast() ?? grow()
        let token = ConnectionToken(
            slot: index + firstSlot, generation: slots[Int(index)].generation)
        let member = make(token)
        slots[Int(index)].member = member
        count += 1
        return member
    }

    private mutating func grow() -> UInt32 {
        slots.append(Slot())
        return UInt32(slots.count - 1)
    }

    subscript(token: ConnectionToken) -> Member? {
        guard let index = index(token.slot), slots[index].generation == token.generation else {
            return nil
        }
        return slots[index].member
    }

    /// Whoever has the slot now.
    subscript(slot slot: Int) -> Member? {
        guard let slot = UInt32(exactly: slot), let index = index(slot) else { return nil }
        return slots[index].member
    }

    mutating func remove(_ token: ConnectionToken) {
        guard self[token] != nil, let index = index(token.slot) else { return }
        slots[index].member = nil
        slots[index].generation &+= 1
        free.append(UInt32(index))
        count -= 1
    }

    var members: [Member] { slots.compactMap(\.member) }

    private func index(_ slot: UInt32) -> Int? {
        guard slot >= firstSlot, Int(slot - firstSlot) < slots.count else { return nil }
        return Int(slot - firstSlot)
    }
}
