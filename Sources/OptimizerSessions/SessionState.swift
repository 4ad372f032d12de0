import OptimizerEngine
import SystemIO
import TensorFormats

/// What a session consists of. Only whoever has the session's turn touches it (or whoever is
/// making it, before it has a session); that is what `@unchecked Sendable` stands for.
final class SessionState: @unchecked Sendable {
    let layout: TensorLayout
    let optimizer: FlatOptimizer
    var maxGradNorm: Double?
    var nonfinite: NonFinitePolicy
    var generation = 1
    /// Steps applied.
    var step = 0
    var skipped = 0
    var created: WallTime
    var updated: WallTime
    private let vectors: StateVectors
    private let overhead: Reservation

    var tag: SessionTag { SessionTag(generation: generation, step: step) }

    /// Parameters and moments are zero, or whatever the reused vectors hold.
    ///
    /// - Parameter reused: a state of the same layout whose memory this one takes over; nothing
    ///   is written to it here.
    init(
        _ settings: ResolvedSettings, layout: TensorLayout, elementType: ElementType,
        budget: StateBudget, reusing reused: SessionState? = nil
    ) throws(SessionError) {
        if let reused {
            overhead = reused.overhead
        } else {
            overhead = try budget.reserve(Self.overheadBytes(of: layout))
        }
        let vectors = StateVectors(budget: budget, reusing: reused?.vectors)
        let slots = layout.tensors.indices.map { index in
            ParameterSlot(
                name: layout.tensors[index].name, shape: layout.tensors[index].shape,
                offset: layout.elementOffsets[index], count: layout.tensors[index].elementCount)
        }
        do {
            optimizer = try FlatOptimizer(
                type: settings.type, elementType: elementType, slots: slots,
                defaults: settings.defaults, groups: settings.groups
            ) { try vectors.make($0) }
        } catch {
            throw SessionError(engine: error)
        }
        vectors.dropUnused()
        self.vectors = vectors
        self.layout = layout
        maxGradNorm = settings.maxGradNorm
        nonfinite = settings.nonfinite
        let now = WallClock.now()
        created = reused?.created ?? now
        updated = now
    }

    /// Names, shapes and tables, roughly: a layout of many empty tensors is no small thing.
    private static func overheadBytes(of layout: TensorLayout) -> Int {
        layout.tensors.reduce(4096) { $0 + 512 + 2 * $1.name.utf8.count }
    }

    /// Of parameters, moments and description.
    var stateBytes: Int {
        let working = optimizer.elementType.working.byteCount * layout.elementCount
        let vectorCount = optimizer.vector(.maxExpAvgSq) == nil ? 3 : 4
        return overhead.byteCount + vectorCount * working
    }

    func check(_ ifMatch: Precondition?) throws(SessionError) {
        guard let ifMatch, !ifMatch.holds(for: tag) else { return }
        throw .preconditionFailed(expected: ifMatch, current: tag)
    }

    func names(of slots: [Int]) -> [String] {
        slots.map { layout.tensors[$0].name }
    }

    func description(
        of session: String, _ durability: Durability, retainSteps: Int?
    ) -> SessionDescription {
        SessionDescription(
            session: session, tag: tag, skipped: skipped, type: optimizer.type,
            hyperparameters: optimizer.defaults,
            groups: optimizer.groups.map { group in
                GroupDescription(
                    name: group.name, params: names(of: group.members),
                    hyperparameters: group.hyperparameters)
            },
            maxGradNorm: maxGradNorm, nonfinite: nonfinite, durability: durability,
            retainSteps: retainSteps,
            elementType: optimizer.elementType, layout: layout, stateBytes: stateBytes,
            created: created, updated: updated)
    }
}

/// The vectors of one optimizer. They stay reachable so that an import can fill them again
/// instead of holding a second state beside the first.
///
/// `@unchecked Sendable` for the reason `SessionState` is.
private final class StateVectors: @unchecked Sendable {
    private let budget: StateBudget
    private var reusable: [StateMemory]
    /// Parameters and the two moments, which live as long as the state.
    private var lasting: [StateMemory] = []
    /// The maximum, which the optimizer gives up when nothing uses amsgrad any more.
    private weak var maximum: StateMemory?

    init(budget: StateBudget, reusing other: StateVectors?) {
        self.budget = budget
        reusable = other.map { $0.lasting + ($0.maximum.map { [$0] } ?? []) } ?? []
    }

    func make(_ byteCount: Int) throws(SessionError) -> StateMemory {
        let memory: StateMemory
        if let last = reusable.popLast() {
            memory = last
        } else {
            memory = try StateMemory(byteCount: byteCount, budget: budget)
        }
        if lasting.count < 3 { lasting.append(memory) } else { maximum = memory }
        return memory
    }

    /// Lets go of a maximum that the new optimizer has no use for.
    func dropUnused() {
        reusable = []
    }
}

extension SessionError {
    /// What the engine, or the memory it asked for, threw.
    init(engine error: any Error) {
        switch error {
        case let error as SessionError:
            self = error
        case OptimizerError.invalidHyperparameter(let error):
            let place = error.group.map { "/param_groups/\($0)" } ?? "/optimizer"
            self = .invalidSettings(SettingsFault(error, at: "\(place)/\(error.name)"))
        default:
            self = .invalidSettings(
                SettingsFault(.invalidHyperparameter, "", String(describing: error)))
        }
    }
}
