extension Session {
    /// Goes before all operations that wait, so that deleting a busy session is no matter of
    /// standing in line. Nothing refers to the state any more when `completion` is called, so its
    /// memory is free by then.
    func remove(
        ifMatch: Precondition?, from store: SessionStore,
        completion: @escaping SessionCompletion<SessionTag>
    ) {
        let turn = Turn(turnstile: turnstile, completion: completion)
        let isAdmitted = turnstile.enter(urgently: true) { [self] in
            do throws(SessionError) {
                erase(try removableTag(ifMatch), from: store, turn)
            } catch {
                turn.end(.failure(error))
            }
        }
        if !isAdmitted { completion(.failure(.queueFull(limit: turnstile.waitingLimit))) }
    }

    private func removableTag(_ ifMatch: Precondition?) throws(SessionError) -> SessionTag {
        guard let state else { throw .unknownSession(name: name) }
        try checkLog()
        try state.check(ifMatch)
        return state.tag
    }

    private func erase(
        _ tag: SessionTag, from store: SessionStore, _ turn: Turn<SessionTag>
    ) {
        let forget: @Sendable () -> Void = { [self] in
            store.forget(self, lastGeneration: tag.generation)
            state = nil
            receiptRoom = ReceiptRoom()
            book.withLock { $0 = ReceiptBook() }
            publishRemoval()
            turn.end(.success(tag))
        }
        guard let log else { return forget() }
        log.ledger.erase(lastGeneration: tag.generation) { result in
            switch result {
            case .success: forget()
            case .failure(let failure): turn.end(.failure(SessionError(failure)))
            }
        }
    }
}
