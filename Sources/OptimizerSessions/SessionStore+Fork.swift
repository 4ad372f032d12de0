import OptimizerEngine
import SystemIO
import TensorFormats

extension SessionStore {
    /// Makes a new session, of generation 1 or above its name's last, from another's state.
    ///
    /// Asking again for the same fork finds the session that it made. Only the current state is
    /// kept, so `step` must be the source's.
    ///
    /// - Parameter step: nil for whatever the source's step is.
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
            context.run(weight: session.layout.weight) {
                turn.end { () throws(SessionError) in
                    try request.fork(session, state)
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
        guard let existing = store.find(name) else {
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
            store.find(source).map({ $0.firstGeneration == generation }) ?? true
        else {
            throw .sessionExists(
                name: name, difference: "the session is no fork of \(source) at that step")
        }
        return Creation(kind: .repeated, description: description)
    }

    /// By the holder of the source's turn.
    func fork(_ session: Session, _ state: SessionState) throws(SessionError) -> Creation {
        if let step, step != state.step { throw .unknownStep(asked: step, current: state.tag) }
        do throws(SessionError) {
            guard !store.isFull else { throw store.fullError }
            let origin = SessionOrigin.fork(
                from: source, generation: session.firstGeneration, step: state.step)
            let copy = try SessionState(copying: state, budget: store.budget)
            switch try store.insert(copy, as: name, origin: origin) {
            case .inserted(let description):
                return Creation(kind: .created, description: description)
            case .taken(let existing):
                return try compare(with: existing)
            }
        } catch {
            // The room may be missing because the same fork has just been faster.
            guard case .overBudget = error, let existing = store.find(name) else { throw error }
            return try compare(with: existing)
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
            try optimizer.restore(steps: other.optimizer.steps)
        } catch {
            throw SessionError(engine: error)
        }
        for vector in StateVector.allCases {
            guard let from = other.optimizer.vector(vector), let to = optimizer.vector(vector)
            else { continue }
            to.copyMemory(from: UnsafeRawBufferPointer(from))
        }
        step = other.step
        skipped = other.skipped
    }
}
