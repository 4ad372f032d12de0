import OptimizerEngine
import SystemIO

extension Session {
    /// A snapshot is taken when the log since the last one outweighs the state so many times. A
    /// snapshot then costs a quarter of what the log costs, and a recovery replays no more than
    /// twice that log.
    static let logBytesPerStateByte = 4
    /// Below this a log is replayed faster than many small files are written.
    static let leastLogBytes = 4 << 20

    /// Plans a snapshot when one is due. By the holder of the turn; the snapshot has its own.
    func considerSnapshot() {
        guard let log, let state,
            log.bytes >= max(Self.leastLogBytes, Self.logBytesPerStateByte * state.stateBytes),
            !isSnapshotUnderWay.exchange(true, ordering: .relaxed)
        else { return }
        // Where room or memory was lacking a later step asks again, and the archive itself tells
        // of what the disk refused.
        takeSnapshot(urgently: true) { _ in }
    }

    /// Takes a snapshot, so that a start needs no replay and the log behind it becomes
    /// superfluous. nil for a session that has no log.
    package func snapshot(completion: @escaping SessionCompletion<SnapshotReference?>) {
        takeSnapshot(urgently: false, completion)
    }

    /// The same where anything has been logged since the last one.
    package func snapshotIfOutdated(completion: @escaping SessionCompletion<SnapshotReference?>) {
        takeSnapshot(urgently: true, onlyIfOutdated: true, completion)
    }

    private func takeSnapshot(
        urgently: Bool, onlyIfOutdated: Bool = false,
        _ completion: @escaping SessionCompletion<SnapshotReference?>
    ) {
        let done: SessionCompletion<SnapshotReference?> = { [self] result in
            isSnapshotUnderWay.store(false, ordering: .relaxed)
            completion(result)
        }
        takeTurn(urgently: urgently, done) { [self] state, turn in
            guard let log, !onlyIfOutdated || log.bytes > 0 else {
                return turn.end(.success(nil))
            }
            context.run(weight: layout.weight) { [self] in
                do throws(SessionError) {
                    let (image, isCopy) = try image(of: state, at: log.head)
                    self.log?.bytes = 0
                    // Without a copy the session waits for the disk.
                    store(image, log) { isCopy ? done($0) : turn.end($0) }
                    if isCopy { turn.leave() }
                } catch {
                    turn.end(.failure(error))
                }
            }
        }
    }

    private func store(
        _ image: SnapshotImage, _ log: SessionLog,
        completion: @escaping SessionCompletion<SnapshotReference?>
    ) {
        let name = name
        let archive = context.archive
        log.ledger.store(
            image, retainedSteps: retainSteps ?? context.limits.retainedSteps
        ) { result in
            if case .failure(let failure) = result {
                archive?.note(.snapshotFailed(session: name, failure))
            }
            completion(
                result.map { SnapshotReference(position: image.position, step: image.step) }
                    .mapError { SessionError($0) })
        }
    }

    /// The state as a snapshot: a copy, or where there is no memory for one the state itself.
    private func image(
        of state: SessionState, at position: Int
    ) throws(SessionError) -> (SnapshotImage, isCopy: Bool) {
        let account = account(of: state, at: position)
        do {
            let image = try SnapshotImage(of: state, account, copyingTo: context.bodies)
            return (image, true)
        } catch {
            return (try SnapshotImage(of: state, account), false)
        }
    }

    func account(of state: SessionState, at position: Int) -> SnapshotAccount {
        SnapshotAccount(
            session: name, firstGeneration: firstGeneration, generation: state.generation,
            position: position, created: state.created, updated: description().updated,
            retainSteps: retainSteps, origin: origin, book: book.withLock { $0 })
    }
}

extension SnapshotImage {
    /// The state in memory of its own, which stays as it is while the session goes on.
    init(
        of state: SessionState, _ account: SnapshotAccount, copyingTo pool: SlabPool
    ) throws(SessionError) {
        let text = account.bytes
        let file = try state.snapshotParts(accountBytes: text.count)
        do {
            let slab = try pool.take(file.byteCount)
            file.copy(of: state, to: slab.bytes)
            self.init(
                position: account.position, step: state.step,
                front: [.slab(slab, byteCount: file.byteCount)], account: text)
        } catch {
            throw .overBudget(pool: error, asked: file.byteCount)
        }
    }

    /// The state where it lies; it must not change before the snapshot is written.
    init(of state: SessionState, _ account: SnapshotAccount) throws(SessionError) {
        let text = account.bytes
        let file = try state.snapshotParts(accountBytes: text.count)
        let stepCount = state.optimizer.steps.count
        var parts: [Part] = [.bytes(file.header + file.stepBytes(of: state))]
        for tensor in file.tensors.dropFirst(stepCount) {
            guard let vector = tensor.vector,
                let bytes = state.bytes(of: vector, slot: tensor.slot)
            else { continue }
            parts.append(.memory(UnsafeRawBufferPointer(bytes), owner: state))
        }
        self.init(position: account.position, step: state.step, front: parts, account: text)
    }
}

extension StateFileParts {
    /// The steps come first among the tensors.
    fileprivate func stepBytes(of state: SessionState) -> [UInt8] {
        var writer = ByteWriter()
        for step in state.optimizer.steps { writer.integer(Int64(step)) }
        return writer.bytes
    }
}

extension SessionState {
    fileprivate func snapshotParts(accountBytes: Int) throws(SessionError) -> StateFileParts {
        do {
            return try fileParts(
                extra: try SnapshotImage.extraTensors(accountBytes: accountBytes))
        } catch let error as SessionError {
            throw error
        } catch {
            throw .shapeMismatch(
                tensor: nil, expected: "a state that fits into a file", actual: "\(error)")
        }
    }
}
