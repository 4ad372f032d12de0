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
                if let existing = try find(name) {
                    return replace(existing, by: file, precondition, completion)
                }
                if let precondition, !precondition.holds(for: nil) {
                    throw .preconditionFailed(expected: precondition, current: nil)
                }
                insert(try draft(file, name)) { [self] result in
                    switch result {
                    case .success(.inserted(let description)):
                        completion(
                            .success(Creation(kind: .created, description: description)))
                    case .success(.taken(let existing)):
                        replace(existing, by: file, precondition, completion)
                    case .failure(let error):
                        completion(.failure(error))
                    }
                }
            } catch {
                completion(.failure(error))
            }
        }
    }

    private func replace(
        _ session: Session, by file: StateImport, _ precondition: Precondition?,
        _ completion: @escaping SessionCompletion<Creation>
    ) {
        session.replaceState(by: file, precondition: precondition) { [self] result in
            // Deleted before the replacement had its turn: the name is free now.
            if case .failure(.unknownSession(let name)) = result {
                return importState(
                    file, as: name, precondition: precondition, completion: completion)
            }
            completion(result)
        }
    }

    private func draft(_ file: StateImport, _ name: String) throws(SessionError) -> SessionDraft {
        guard !isFull else { throw fullError }
        let state = try SessionState(
            file.settings, layout: file.layout, elementType: file.elementType, budget: budget)
        try file.check()
        try file.fill(state)
        return SessionDraft(
            name: name, state: state, origin: .stateFile,
            durability: archive == nil ? .none : .log, retainSteps: nil)
    }
}

extension Session {
    fileprivate func replaceState(
        by file: StateImport, precondition: Precondition?,
        completion: @escaping SessionCompletion<Creation>
    ) {
        takeTurn(completion) { [self] state, turn in
            context.run(weight: layout.weight) { [self] in
                do throws(SessionError) {
                    try replace(state, by: file, precondition, turn)
                } catch {
                    turn.end(.failure(error))
                }
            }
        }
    }

    private func replace(
        _ state: SessionState, by file: StateImport, _ precondition: Precondition?,
        _ turn: Turn<Creation>
    ) throws(SessionError) {
        try state.check(precondition)
        try file.checkLayout(of: self)
        try file.check()
        let next = try SessionState(
            file.settings, layout: layout, elementType: elementType, budget: context.budget,
            reusing: state)
        try file.setCounters(of: next)
        let payload = log == nil ? .empty : try file.payload(for: next, context)
        let entry = LogEntry(
            kind: .state,
            tag: SessionTag(generation: state.generation + 1, step: file.step),
            time: WallClock.now(), payload: payload)
        keep(entry, turn) { [self] in
            do throws(SessionError) {
                // What can be wrong with a file was found before; filling only copies.
                try file.fill(next)
                replaceState(by: next, after: state.generation, at: entry.time)
                considerSnapshot()
                turn.end(.success(Creation(kind: .replaced, description: description())))
            } catch {
                turn.end(.failure(error))
            }
        }
    }
}

extension StateImport {
    /// The file as a record keeps it: as the state that it becomes would be written.
    fileprivate func payload(
        for state: SessionState, _ context: SessionContext
    ) throws(SessionError) -> LedgerPayload {
        let file = try state.fileParts()
        let header = try file.header()
        let byteCount = header.count + file.dataBytes
        let slab = try context.takeBody(byteCount)
        slab.bytes.copyBytes(from: header)
        var offset = header.count
        for tensor in file.tensors {
            let count = tensor.description.byteCount
            let target = slab.base + offset
            if let number = state.number(of: tensor) {
                target.storeBytes(of: number.littleEndian, as: UInt64.self)
            } else if let source = self.offset(of: tensor) {
                target.copyMemory(from: data.base + source, byteCount: count)
            }
            offset += count
        }
        return LedgerPayload(slab, byteCount: byteCount)
    }

    /// What a state that comes from outside must keep, beside being one: room for more steps than
    /// anybody will take, and squares that are squares.
    fileprivate func check() throws(SessionError) {
        let counts = [(StateFile.Metadata.step, step), (StateFile.Metadata.skipped, skipped)]
        for (name, count) in counts where count > SlotProgress.maximumStep / 2 {
            throw .invalidSettings(
                SettingsFault(
                    .invalidValue, "\(StateMetadata.pointer)/\(name)",
                    "must be at most \(SlotProgress.maximumStep / 2)"))
        }
        if let name = firstNegativeSquare() {
            throw .invalidSettings(
                SettingsFault(
                    .invalidValue, "/\(JSONPointer.escape(name))",
                    "must have no negative number: it is made of squares or magnitudes"))
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
