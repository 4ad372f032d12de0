import COptimizerKernels

/// What one step does where: neighbouring slots that share scalars and whose gradients follow one
/// another are one segment, so that a plain session is a single segment whatever its layout.
struct StepPlan {
    struct Segment {
        let start: Int
        private(set) var end: Int
        /// Where the elements' gradients start, and which scalars are theirs; nil when absent.
        let source: Source?

        fileprivate mutating func extend(by next: Segment) -> Bool {
            switch (source, next.source) {
            case (nil, nil):
                break
            case (let mine?, let other?):
                let distance = (next.start - start) * mine.type.byteCount
                guard mine.scalars == other.scalars, mine.type == other.type,
                    mine.gradient.advanced(by: distance) == other.gradient
                else { return false }
            default:
                return false
            }
            end = next.end
            return true
        }
    }

    struct Source {
        let gradient: UnsafeRawPointer
        let type: ElementType
        let scalars: Int
    }

    private(set) var segments: [Segment] = []
    private(set) var scalars: [opt_adam_scalars] = []
    /// Whether the elements with these scalars have a maximum (amsgrad).
    private(set) var usesMaximum: [Bool] = []

    /// - Parameter hyperparameters: of each group, as they hold for this step.
    init(
        _ optimizer: FlatOptimizer, _ gradients: Gradients,
        hyperparameters: [Hyperparameters], gradScale: Double
    ) {
        var known = KnownScalars(groupCount: hyperparameters.count)
        let (offsets, steps) = (optimizer.offsets, optimizer.steps)
        let groupOfSlot = optimizer.table.groupOfSlot
        for slot in steps.indices where offsets[slot] < offsets[slot + 1] {
            var source: Source?
            if let (base, type) = gradients.tensor(slot, offset: offsets[slot]) {
                let group = groupOfSlot[slot]
                let step = Self.next(steps[slot])
                let index = known.index(group: group, step: step, next: scalars.count)
                if index == scalars.count {
                    scalars.append(
                        opt_adam_scalars(
                            optimizer.type, hyperparameters[group], step: step,
                            gradScale: gradScale, working: optimizer.working))
                    usesMaximum.append(hyperparameters[group].amsgrad)
                }
                source = Source(gradient: base, type: type, scalars: index)
            }
            let next = Segment(start: offsets[slot], end: offsets[slot + 1], source: source)
            if segments.isEmpty || !segments[segments.count - 1].extend(by: next) {
                segments.append(next)
            }
        }
    }

    /// The step after `step`.
    static func next(_ step: Int) -> Int { min(step + 1, FlatOptimizer.maximumStep) }

    mutating func clip(by coefficient: Double) {
        for index in scalars.indices { scalars[index].clip_coef = coefficient }
    }

    /// The segment that holds the element: the last one that starts at or before it.
    func segment(at element: Int) -> Int {
        var low = 0
        var high = segments.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if segments[middle].start <= element { low = middle } else { high = middle }
        }
        return low
    }
}

/// Scalars by group and step. Slots of a group mostly share one step, so the last one is at hand,
/// and those before it are looked up only once there are any.
private struct KnownScalars {
    private struct Key: Hashable {
        let group: Int
        let step: Int
    }

    private var latest: [(step: Int, index: Int)]
    private var earlier: [Key: Int] = [:]

    init(groupCount: Int) {
        latest = Array(repeating: (step: 0, index: -1), count: groupCount)
    }

    /// The index that these scalars have, or `next`, which is theirs from now on.
    mutating func index(group: Int, step: Int, next: Int) -> Int {
        let last = latest[group]
        if last.step == step { return last.index }
        if last.index >= 0 { earlier[Key(group: group, step: last.step)] = last.index }
        let index = earlier[Key(group: group, step: step)] ?? next
        latest[group] = (step, index)
        return index
    }
}
