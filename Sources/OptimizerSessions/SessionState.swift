import OptimizerEngine
import SystemIO
import TensorFormats

/// What a session consists of. Only whoever has the session's turn touches it (or whoever is
/// making it, before it has a session); that is what `@unchecked Sendable` stands for.
final class SessionState: @unchecked Sendable {
    let layout: TensorLayout
    let optimizer: FlatOptimizer
    /// Gradients for a step to come; nil as long as nobody accumulates.
    var accumulator: GradientAccumulator?
    var policy: StepPolicy
    var generation = 1
    /// Steps applied.
    var step = 0
    var skipped = 0
    var created: WallTime
    var updated: WallTime
    private let vectors: StateVectors
    private var overhead: Reservation

    var tag: SessionTag { SessionTag(generation: generation, step: step) }

    /// Parameters and moments are zero, or whatever the reused vectors hold.
    ///
    /// - Parameter reused: a state of the same layout whose memory this one takes over; nothing
    ///   is written to it here.
    init(
        _ settings: ResolvedSettings, layout: TensorLayout, elementType: ElementType,
        budget: StateBudget, reusing reused: SessionState? = nil
    ) throws(SessionError) {
        let overheadBytes = Self.overheadBytes(
            of: layout, settings.defaults, settings.groups.map { ($0.name, $0.overrides) })
        if let reused, reused.overhead.byteCount == overheadBytes {
            overhead = reused.overhead
        } else {
            overhead = try budget.reserve(overheadBytes)
        }
        // The memory of a reused state is filled again, so that an import needs no second one.
        let vectors = StateVectors(budget, reused)
        let slots = layout.tensors.indices.map { index in
            ParameterSlot(
                name: layout.tensors[index].name, shape: layout.tensors[index].shape,
                offset: layout.elementOffsets[index], count: layout.tensors[index].elementCount)
        }
        do {
            optimizer = try FlatOptimizer(
                elementType: elementType, slots: slots, defaults: settings.defaults,
                groups: settings.groups
            ) { try vectors.make($0) }
        } catch {
            throw SessionError(engine: error)
        }
        vectors.stopReusing()
        self.vectors = vectors
        self.layout = layout
        policy = settings.policy
        let now = WallClock.now()
        created = reused?.created ?? now
        updated = now
    }

    /// Names, shapes, tables, groups and schedules, roughly: a layout of many empty tensors is no
    /// small thing, nor is a schedule of many.
    private static func overheadBytes(
        of layout: TensorLayout, _ defaults: Hyperparameters,
        _ groups: [(name: String, overrides: HyperparameterOverrides)]
    ) -> Int {
        var bytes = layout.tensors.reduce(4096) { $0 + 512 + 2 * $1.name.utf8.count }
        // The first group is in what every session takes.
        bytes += groups.dropFirst().reduce(0) { $0 + 512 + 2 * $1.name.utf8.count }
        var weight = defaults.lrSchedule?.weight ?? 0
        for case .schedule(let schedule?)? in groups.map({ $0.overrides[.lrSchedule] }) {
            weight += schedule.weight
        }
        return bytes + 128 * weight
    }

    /// Settings that are found good, with all the memory that they need.
    func change(
        to hyperparameters: FlatOptimizer.PreparedHyperparameters, _ policy: StepPolicy
    ) throws(SessionError) -> SettingsChange {
        let bytes = Self.overheadBytes(
            of: layout, hyperparameters.defaults,
            hyperparameters.groups.map { ($0.name, $0.overrides) })
        return SettingsChange(
            hyperparameters: hyperparameters, policy: policy,
            overhead: bytes == overhead.byteCount ? nil : try vectors.budget.reserve(bytes))
    }

    func adopt(_ change: SettingsChange) {
        optimizer.adopt(change.hyperparameters)
        policy = change.policy
        if let overhead = change.overhead { self.overhead = overhead }
    }

    /// How much work a step is, counted in elements.
    var stepWeight: Int { layout.weight + optimizer.matrixWeight }

    /// Of parameters, moments, workspace and description.
    var stateBytes: Int {
        let working = optimizer.elementType.working.byteCount * layout.elementCount
        return overhead.byteCount + optimizer.vectorCount * working
            + (optimizer.workspace?.byteCount ?? 0) + (accumulator?.memory.byteCount ?? 0)
    }

    /// Counts against another budget from now on, with all that it holds and will hold.
    func charge(to budget: StateBudget) throws(SessionError) {
        overhead = try budget.reserve(overhead.byteCount)
        for case let memory as StateMemory in optimizer.memories {
            try memory.charge(to: budget)
        }
        try (optimizer.workspace as? StateMemory)?.charge(to: budget)
        try (accumulator?.memory as? StateMemory)?.charge(to: budget)
        vectors.budget = budget
    }

    /// Where gradients are accumulated, with memory of the budget.
    func accumulatorForMore() throws(SessionError) -> GradientAccumulator {
        if let accumulator { return accumulator }
        do {
            let made = try GradientAccumulator(of: optimizer)
            accumulator = made
            return made
        } catch {
            throw SessionError(engine: error)
        }
    }

    /// How many gradients are accumulated.
    var accumulated: Int { accumulator?.count ?? 0 }

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
            session: session, tag: tag, skipped: skipped,
            hyperparameters: optimizer.defaults,
            groups: optimizer.groups.map { group in
                GroupDescription(
                    name: group.name, params: names(of: group.members),
                    hyperparameters: group.hyperparameters)
            },
            policy: policy, accumulated: accumulated, durability: durability,
            retainSteps: retainSteps,
            elementType: optimizer.elementType, layout: layout, stateBytes: stateBytes,
            created: created, updated: updated)
    }
}

/// Where an optimizer's vectors come from: those of a state that it takes the place of, and then
/// the budget.
///
/// `@unchecked Sendable` for the reason `SessionState` is.
private final class StateVectors: @unchecked Sendable {
    var budget: StateBudget
    private var reusable: [any ParameterMemory]

    init(_ budget: StateBudget, _ reused: SessionState?) {
        self.budget = budget
        reusable = reused?.optimizer.memories ?? []
        if let workspace = reused?.optimizer.workspace { reusable.append(workspace) }
    }

    func make(_ byteCount: Int) throws(SessionError) -> any ParameterMemory {
        if let index = reusable.lastIndex(where: { $0.byteCount == byteCount }) {
            return reusable.remove(at: index)
        }
        return try StateMemory(byteCount: byteCount, budget: budget)
    }

    /// Lets go of what the new optimizer has no use for.
    func stopReusing() {
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
