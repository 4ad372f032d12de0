import COptimizerKernels

/// What one step does where: neighbouring slots that share scalars and whose gradients follow one
/// another are one segment, so that a plain session is a single segment whatever its layout.
struct StepPlan {
    struct Segment {
        let start: Int
        private(set) var end: Int
        /// Whether the rule looks at the whole tensor and not at each element alone.
        let isOfWholeTensor: Bool
        /// Where the elements' gradients start, and which scalars are theirs; nil when absent.
        let source: Source?

        fileprivate mutating func extend(by next: Segment) -> Bool {
            guard !isOfWholeTensor, !next.isOfWholeTensor else { return false }
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

    /// A tensor that is stepped as a whole.
    struct WholeTensor {
        let slot: Int
        let scalars: Int
    }

    private(set) var segments: [Segment] = []
    /// LAMB's, in layout order.
    private(set) var lamb: [WholeTensor] = []
    /// Muon's, in layout order.
    private(set) var muon: [WholeTensor] = []
    private(set) var scalars: [opt_scalars] = []
    /// Which of the moments' memories the elements with these scalars use.
    private(set) var keeps: [(Bool, Bool, Bool)] = []

    /// - Parameter hyperparameters: of each group, as they hold for this step.
    init(
        _ optimizer: FlatOptimizer, _ gradients: Gradients, _ settings: StepSettings,
        hyperparameters: [Hyperparameters], gradScale: Double
    ) {
        var known = KnownScalars(groupCount: hyperparameters.count)
        let (offsets, progress) = (optimizer.offsets, optimizer.progress)
        let groupOfSlot = optimizer.table.groupOfSlot
        for slot in progress.indices where offsets[slot] < offsets[slot + 1] {
            var source: Source?
            if let (base, type) = gradients.tensor(slot, offset: offsets[slot]) {
                let group = groupOfSlot[slot]
                let index = known.index(group, progress[slot], next: scalars.count)
                if index == scalars.count {
                    let hyper = hyperparameters[group]
                    scalars.append(
                        opt_scalars(
                            hyper, progress[slot].next(hyper),
                            starts: !progress[slot].hasMomentumBuffer, gradScale: gradScale,
                            clipValue: settings.clipValue, working: optimizer.working))
                    let moments = hyper.moments
                    keeps.append((moments.0 != nil, moments.1 != nil, moments.2 != nil))
                }
                source = Source(gradient: base, type: type, scalars: index)
            }
            let next = Segment(
                start: offsets[slot], end: offsets[slot + 1],
                isOfWholeTensor: source.map { noteWholeTensor(slot, $0.scalars) } ?? false,
                source: source)
            if segments.isEmpty || !segments[segments.count - 1].extend(by: next) {
                segments.append(next)
            }
        }
    }

    /// Whether the rule looks at the whole tensor; it is then listed.
    private mutating func noteWholeTensor(_ slot: Int, _ index: Int) -> Bool {
        switch scalars[index].rule {
        case OPT_LAMB: lamb.append(WholeTensor(slot: slot, scalars: index))
        case OPT_MUON: muon.append(WholeTensor(slot: slot, scalars: index))
        default: return false
        }
        return true
    }

    /// The entry of LAMB's tensors for a slot; nil when another rule steps it, or none.
    func lambMember(ofSlot slot: Int) -> WholeTensor? {
        let index = lamb.partitionPoint { $0.slot >= slot }
        return index < lamb.count && lamb[index].slot == slot ? lamb[index] : nil
    }

    func withScalars(_ index: Int, _ body: (UnsafePointer<opt_scalars>) -> Void) {
        scalars.withUnsafeBufferPointer { if let base = $0.baseAddress { body(base + index) } }
    }

    mutating func clip(by coefficient: Double) {
        for index in scalars.indices { scalars[index].clip_coef = coefficient }
    }

    /// The segment that holds the element: the last one that starts at or before it.
    func segment(at element: Int) -> Int {
        segments.partitionPoint { $0.start > element } - 1
    }
}

/// Scalars by group and progress. Slots of a group have mostly come equally far, so the last one is
/// at hand, and those before it are looked up only once there are any.
private struct KnownScalars {
    private struct Key: Hashable {
        let group: Int
        let progress: SlotProgress
    }

    private var latest: [(progress: SlotProgress, index: Int)]
    private var earlier: [Key: Int] = [:]

    init(groupCount: Int) {
        latest = Array(repeating: (progress: SlotProgress(step: -1), index: -1), count: groupCount)
    }

    /// The index that these scalars have, or `next`, which is theirs from now on.
    mutating func index(_ group: Int, _ progress: SlotProgress, next: Int) -> Int {
        let last = latest[group]
        if last.progress == progress { return last.index }
        if last.index >= 0 { earlier[Key(group: group, progress: last.progress)] = last.index }
        let index = earlier[Key(group: group, progress: progress)] ?? next
        latest[group] = (progress, index)
        return index
    }
}
