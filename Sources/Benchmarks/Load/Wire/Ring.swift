/// A queue of numbers of a fixed capacity: what entered first leaves first.
struct Ring {
    private var members: [Int]
    private var first = 0
    private(set) var count = 0

    init(capacity: Int) {
        members = [Int](repeating: 0, count: capacity)
    }

    var isEmpty: Bool { count == 0 }

    mutating func enter(_ member: Int) {
        precondition(count < members.count, "the ring is full")
        members[(first + count) % members.count] = member
        count += 1
    }

    mutating func leave() -> Int? {
        guard count > 0 else { return nil }
        defer {
            first = (first + 1) % members.count
            count -= 1
        }
        return members[first]
    }
}
