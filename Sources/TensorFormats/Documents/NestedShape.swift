/// Follows nested arrays and proves that they have one shape: a given one, or the one that the
/// first elements show.
struct NestedShape {
    struct Fault: Error {
        let detail: String
        let expected: [Int]?
        let actual: [Int]?
    }

    private let expected: [Int]?
    private let rankLimit: Int
    /// Extents by level; nil until an array of that level has closed.
    private var extents: [Int?]
    /// The depth at which numbers stand, once known.
    private var rank: Int?
    /// Elements so far in each open array, outermost first.
    private var counts: [Int] = []

    init(expected: [Int]?, rankLimit: Int) {
        self.expected = expected
        self.rankLimit = rankLimit
        extents = expected ?? []
        rank = expected?.count
    }

    /// The shape, once the value is complete.
    var shape: [Int] {
        expected ?? extents.map { $0 ?? 0 }
    }

    /// Where the next element stands. An open array was counted when it opened, so that all but
    /// the last count are one ahead.
    var indices: [Int] {
        counts.dropLast().map { $0 - 1 } + counts.suffix(1)
    }

    /// Whether every array has closed.
    var isClosed: Bool { counts.isEmpty }

    /// How many numbers may follow here before something has to close.
    var room: Int {
        if let rank, rank != counts.count { return 0 }
        guard let count = counts.last else { return 1 }
        guard let extent = extents[counts.count - 1] else { return Int.max }
        return extent - count
    }

    mutating func open() throws(Fault) {
        let level = counts.count
        if let rank, level >= rank {
            throw mismatch("an array stands where a number should be, at \(indices)")
        }
        guard level < rankLimit else {
            throw mismatch("arrays are nested deeper than the largest rank, \(rankLimit)")
        }
        try countElement()
        if extents.count == level { extents.append(nil) }
        counts.append(0)
    }

    mutating func close() throws(Fault) {
        let count = counts.removeLast()
        let level = counts.count
        if let extent = extents[level] {
            guard count == extent else { throw wrongCount(count, extent, level) }
            return
        }
        extents[level] = count
        if rank == nil, count == 0 { rank = level + 1 }
    }

    /// A number stands here; to be followed by `add(1)`.
    func checkNumber() throws(Fault) {
        guard room <= 0 else { return }
        if let rank, rank > counts.count {
            throw mismatch("a number stands where an array should be, at \(indices)")
        }
        throw tooMany
    }

    /// `numbers` more numbers were read, not more than there was `room` for.
    mutating func add(_ numbers: Int) {
        if rank == nil { rank = counts.count }
        if !counts.isEmpty { counts[counts.count - 1] += numbers }
    }

    /// One more element in the array that encloses what comes.
    private mutating func countElement() throws(Fault) {
        guard let count = counts.last else { return }
        if let extent = extents[counts.count - 1], count >= extent { throw tooMany }
        counts[counts.count - 1] += 1
    }

    private var tooMany: Fault {
        let extent = extents[counts.count - 1] ?? 0
        return mismatch("the array at \(enclosing(counts.count - 1)) has more than "
            + "\(extent) elements")
    }

    /// An array at `level` closed with another count than it should have.
    private func wrongCount(_ count: Int, _ extent: Int, _ level: Int) -> Fault {
        let detail = "the array at \(enclosing(level)) has \(count) elements instead of \(extent)"
        // When only the outermost array is short, the whole shape is known.
        guard level == 0, let expected else { return mismatch(detail) }
        return mismatch(detail, actual: [count] + expected.dropFirst())
    }

    private func mismatch(_ detail: String, actual: [Int]? = nil) -> Fault {
        if let expected {
            return Fault(
                detail: "shape \(expected) is expected, but \(detail)", expected: expected,
                actual: actual)
        }
        return Fault(
            detail: "all arrays of a tensor must have the same shape, but \(detail)",
            expected: nil, actual: nil)
    }

    /// Where the array at `level` stands.
    private func enclosing(_ level: Int) -> String {
        level == 0 ? "the top" : "\(counts.prefix(level).map { $0 - 1 })"
    }
}
