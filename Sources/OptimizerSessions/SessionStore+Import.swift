import OptimizerEngine
import SystemIO
import TensorFormats

extension SessionStore {
    /// Makes a session of a state file, or replaces the state of the one that has the name; the
    /// layouts must then be the same. A replacement is a revision and keeps the session's memory.
    package func importState(
        _ file: StateImport, as name: String, precondition: Precondition? = nil,
        completion: @escaping SessionCompletion<Creation>
    ) {
        guard SessionName.isValid(name) else {
            return completion(.failure(.invalidName(name: name)))
        }
        context.run(weight: file.layout.weight) { [self] in
            do throws(SessionError) {
                switch try make(file, name, precondition) {
                case .inserted(let description):
                    completion(.success(Creation(kind: .created, description: description)))
                case .taken(let session):
                    session.replaceState(by: file, precondition: precondition) { result in
                        // Deleted before the replacement had its turn: the name is free now.
                        if case .failure(.unknownSession) = result {
                            return self.importState(
                                file, as: name, precondition: precondition,
                                completion: completion)
                        }
                        completion(result)
                    }
                }
            } catch {
                completion(.failure(error))
            }
        }
    }

    private func make(
        _ file: StateImport, _ name: String, _ precondition: Precondition?
    ) throws(SessionError) -> Insertion {
        if let existing = find(name) { return .taken(existing) }
        if let precondition, !precondition.holds(for: nil) {
            throw .preconditionFailed(expected: precondition, current: nil)
        }
        guard !isFull else { throw fullError }
        let state = try SessionState(
            file.settings, layout: file.layout, elementType: file.elementType, budget: budget)
        try file.checkSquares()
        try file.fill(state)
        return try insert(state, as: name, origin: .stateFile)
    }
}

extension Session {
    fileprivate func replaceState(
        by file: StateImport, precondition: Precondition?,
        completion: @escaping SessionCompletion<Creation>
    ) {
        takeTurn(completion) { [self] state, turn in
            context.run(weight: layout.weight) { [self] in
                turn.end { () throws(SessionError) in
                    try state.check(precondition)
                    try file.checkLayout(of: self)
                    try file.checkSquares()
                    let next = try SessionState(
                        file.settings, layout: layout, elementType: elementType,
                        budget: context.budget, reusing: state)
                    try file.fill(next)
                    replaceState(by: next, after: state.generation)
                    return Creation(kind: .replaced, description: description())
                }
            }
        }
    }
}

extension StateImport {
    fileprivate func checkSquares() throws(SessionError) {
        if let name = firstNegativeSquare() {
            throw .invalidSettings(
                SettingsFault(
                    .invalidValue, "/\(JSONPointer.escape(name))",
                    "must have no negative number: it is a mean of squares"))
        }
    }

    fileprivate func checkLayout(of session: Session) throws(SessionError) {
        guard elementType == session.elementType else {
            throw .layoutMismatch(
                difference: "the session is \(session.elementType.dtype.rawValue), "
                    + "the state \(elementType.dtype.rawValue)")
        }
        guard layout != session.layout else { return }
        let own = session.layout.tensors
        if let extra = layout.tensors.first(where: { session.layout.index(of: $0.name) == nil }) {
            throw .layoutMismatch(difference: "the session has no tensor \"\(extra.name)\"")
        }
        if let missing = own.first(where: { layout.index(of: $0.name) == nil }) {
            throw .layoutMismatch(difference: "the state has no tensor \"\(missing.name)\"")
        }
        for (mine, other) in zip(own, layout.tensors) where mine.shape != other.shape {
            throw .layoutMismatch(
                difference: "tensor \"\(mine.name)\" has shape \(mine.shape) in the session and "
                    + "\(other.shape) in the state")
        }
    }
}
