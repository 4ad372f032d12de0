/// The last generations of deleted sessions, so that a new session of the same name starts above
/// them and an old entity tag never matches it.
///
/// Only so many names are remembered. Those forgotten share one floor: every name that is not
/// remembered then starts above the highest generation ever forgotten, which is higher than need
/// be but never a tag twice.
struct RetiredNames {
    private let limit: Int
    private var lastGenerations: [String: Int] = [:]
    private var order = FirstInFirstOut<String>()
    private var forgotten = 0

    /// - Parameter limit: names remembered, at least 0.
    init(limit: Int) {
        self.limit = limit
    }

    func firstGeneration(of name: String) -> Int {
        (lastGenerations[name] ?? forgotten) + 1
    }

    /// Lets every name that is not remembered start above that generation.
    mutating func raiseFloor(to generation: Int) {
        forgotten = max(forgotten, generation)
    }

    mutating func retire(_ name: String, lastGeneration: Int) {
        let known = lastGenerations[name]
        lastGenerations[name] = max(known ?? 0, lastGeneration)
        if known == nil { order.enter(name) }
        while lastGenerations.count > limit, let oldest = order.leave() {
            forgotten = max(forgotten, lastGenerations.removeValue(forKey: oldest) ?? 0)
        }
    }
}
