import SystemIO

extension SessionStore {
    enum Insertion {
        case inserted(SessionDescription)
        case taken(Session)
    }

    /// Makes a session of a finished state; answers the one that has the name already. Where it
    /// is to outlive the process, nobody sees it before its first snapshot is on the disk.
    func insert(_ draft: SessionDraft, completion: @escaping SessionCompletion<Insertion>) {
        // A promise that cannot be kept is refused, not weakened.
        guard draft.durability == .none || archive != nil else {
            return completion(.failure(.logFailed(detail: "There is no data directory")))
        }
        let retry: @Sendable () -> Void = { self.insert(draft, completion: completion) }
        switch registry.withLock({ $0.reserve(draft.name, otherwise: retry) }) {
        case .pending: break
        case .full: completion(.failure(fullError))
        case .taken(.session(let existing)): completion(.success(.taken(existing)))
        case .taken(.quarantined(let quarantined)):
            completion(.failure(.quarantined(name: draft.name, fault: quarantined.fault)))
        case .reserved(let firstGeneration):
            let session = Session(draft, context: context)
            session.begin(at: firstGeneration)
            establish(session, draft.state) { [self] result in
                let isMade = if case .success = result { true } else { false }
                let waiting = registry.withLock {
                    $0.settle(draft.name, isMade ? session : nil)
                }
                completion(result.map { .inserted(session.description()) })
                for next in waiting { next() }
            }
        }
    }

    /// Gives the session its directory, first snapshot and ledger, if it is to have them.
    private func establish(
        _ session: Session, _ state: SessionState, completion: @escaping SessionCompletion<Void>
    ) {
        guard session.durability == .log, let archive else { return completion(.success(())) }
        archive.librarian.async {
            completion(
                Result { () throws(SessionError) in
                    do throws(LedgerFailure) {
                        try archive.health.check()
                    } catch {
                        throw SessionError(error)
                    }
                    let image = try SnapshotImage(of: state, session.account(of: state, at: 0))
                    session.log = try self.begin(session, with: image, archive)
                })
        }
    }

    private func begin(
        _ session: Session, with image: SnapshotImage, _ archive: Archive
    ) throws(SessionError) -> SessionLog {
        do throws(LedgerFailure) {
            let place = try archive.directory.begin(
                session.name, firstGeneration: session.firstGeneration, with: image)
            // The name's last life, which the new generation is above.
            archive.forget(
                RetiredName(
                    session: session.name, lastGeneration: session.firstGeneration - 1))
            let ledger = FileLedger(
                place, archive: archive, payloadBytes: session.layout.byteCount,
                tail: LogTail(head: 0, segment: nil))
            return SessionLog(ledger: ledger, head: 0)
        } catch {
            archive.health.note(error)
            throw SessionError(error)
        }
    }

    /// Deletes a session whose files are damaged. It has no version that could be demanded.
    func remove(
        _ quarantined: QuarantinedSession, ifMatch: Precondition?,
        completion: @escaping SessionCompletion<SessionTag>
    ) {
        let place = quarantined.place
        let last = SessionTag(generation: quarantined.highestGeneration, step: 0)
        guard let archive, ifMatch?.holds(for: nil) ?? true else {
            return completion(
                .failure(.quarantined(name: place.session, fault: quarantined.fault)))
        }
        archive.librarian.async { [self] in
            // Somebody else's deletion may have been faster.
            guard case .quarantined(let current)? = registry.withLock({ $0[place.session] }),
                current.place == place
            else { return completion(.failure(.unknownSession(name: place.session))) }
            do throws(LedgerFailure) {
                try archive.directory.retire(place, lastGeneration: last.generation)
                registry.withLock { $0.remove(place.session, lastGeneration: last.generation) }
                completion(.success(last))
                archive.clear(
                    RetiredName(session: place.session, lastGeneration: last.generation))
            } catch {
                completion(.failure(SessionError(error)))
            }
        }
    }
}
