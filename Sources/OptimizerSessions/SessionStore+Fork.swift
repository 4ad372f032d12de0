import OptimizerEngine
import SystemIO
import TensorFormats

extension SessionStore {
    /// Makes a new session, of generation 1 or above its name's last, from another's state, which
    /// it is as durable as.
    ///
    /// Asking again for the same fork finds the session that it made.
    ///
    /// - Parameter step: nil for whatever the source's step is; another is rebuilt from what is
    ///   kept, as it stood just before the step after it.
    package func fork(
        from source: String, step: Int? = nil, as name: String,
        precondition: Precondition? = nil, completion: @escaping SessionCompletion<Creation>
    ) {
        let request = ForkRequest(
            source: source, step: step, name: name, precondition: precondition, store: self)
        let session: Session
        do {
            if let existing = try request.existing() { return completion(.success(existing)) }
            session = try self.session(named: source)
        } catch {
            return completion(.failure(error))
        }
        session.takeTurn(completion) { [context] state, turn in
            if let step, step != state.step {
                let past = session.pastState(step, from: state)
                turn.leave()
                return past.rebuild { result in
                    switch result {
                    case .success(let past):
                        // The session begins now, whatever its state's age.
                        past.created = WallClock.now()
                        past.updated = past.created
                        request.insert(session, step: step, completion) { past }
                    case .failure(let error): completion(.failure(error))
                    }
                }
            }
            context.run(weight: session.layout.weight) {
                // The copy is made in this turn; the files of the new session are not.
                let copy = Result { () throws(SessionError) in
                    try SessionState(copying: state, budget: context.budget)
                }
                let step = state.step
                turn.leave()
                request.insert(session, step: step, completion) { () throws(SessionError) in
                    try copy.get()
                }
            }
        }
    }
}

private struct ForkRequest: Sendable {
    let source: String
    let step: Int?
    let name: String
    let precondition: Precondition?
    let store: SessionStore

    /// The session of that name, if this request can have made it; nil if the name is free.
    func existing() throws(SessionError) -> Creation? {
        guard SessionName.isValid(name) else { throw .invalidName(name: name) }
        guard let existing = try store.find(name) else {
            if let precondition, !precondition.holds(for: nil) {
                throw .preconditionFailed(expected: precondition, current: nil)
            }
            return nil
        }
        return try compare(with: existing)
    }

    private func compare(with existing: Session) throws(SessionError) -> Creation {
        let description = existing.description()
        if let precondition, !precondition.holds(for: description.tag) {
            throw .preconditionFailed(expected: precondition, current: description.tag)
        }
        guard case .fork(let from, let generation, let step) = existing.origin, from == source,
            self.step == nil || self.step == step,
            // A source that is gone cannot contradict; one of another life does.
            try store.find(source).map({ $0.firstGeneration == generation }) ?? true
        else {
            throw .sessionExists(
                name: name, difference: "the session is no fork of \(source) at that step")
        }
        return Creation(kind: .repeated, description: description)
    }

    func insert(
        _ session: Session, step: Int, _ completion: @escaping SessionCompletion<Creation>,
        _ state: () throws(SessionError) -> SessionState
    ) {
        let insertion = SessionInsertion(
            name: name, precondition: precondition, store: store, completion: completion
        ) { existing throws(SessionError) in try self.compare(with: existing) }
        insertion.run { () throws(SessionError) in
            SessionDraft(
                name: name, state: try state(),
                origin: .fork(
                    from: source, generation: session.firstGeneration, step: step),
                durability: session.durability, retainSteps: session.retainSteps)
        }
    }
}

extension SessionState {
    fileprivate convenience init(
        copying other: SessionState, budget: StateBudget
    ) throws(SessionError) {
        try self.init(
            ResolvedSettings(of: other), layout: other.layout,
            elementType: other.optimizer.elementType, budget: budget)
        do {
            try optimizer.restore(other.optimizer.progress)
        } catch {
            throw SessionError(engine: error)
        }
        // Under the same settings there are the same memories.
        for (from, to) in zip(other.optimizer.memories, optimizer.memories) {
            to.base.copyMemory(from: from.base, byteCount: from.byteCount)
        }
        if let gradients = other.accumulator, !gradients.isEmpty {
            let copy = try accumulatorForMore()
            copy.restore(weights: gradients.weights, count: gradients.count)
            copy.memory.base.copyMemory(
                from: gradients.memory.base, byteCount: gradients.memory.byteCount)
        }
        step = other.step
        skipped = other.skipped
    }
}
