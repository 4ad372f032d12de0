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
            log.bytes >= max(Self.leastLogBytes, Self.logBytesPerStateByte * snapshotBytes(state)),
            snapshotLine.withLock({ $0.enterIfIdle() })
        else { return }
        // Where room or memory for the copy was lacking the next step asks again. What the disk
        // refused, of which the archive tells, is tried when as much log has come again: a full
        // disk should not be written to at every step.
        takeSnapshot(for: [])
    }

    /// What a snapshot is made of, about.
    private func snapshotBytes(_ state: SessionState) -> Int {
        state.stateBytes + book.withLock { $0.byteCount }
    }

    /// Takes a snapshot, so that a start needs no replay and the log behind it becomes
    /// superfluous. nil for a session that has no log.
    package func snapshot(completion: @escaping SessionCompletion<SnapshotReference?>) {
        enter(SnapshotLine.Request(onlyIfOutdated: false, completion: completion))
    }

    /// The same where anything has been logged since the last one.
    package func snapshotIfOutdated(completion: @escaping SessionCompletion<SnapshotReference?>) {
        enter(SnapshotLine.Request(onlyIfOutdated: true, completion: completion))
    }

    private func enter(_ request: SnapshotLine.Request) {
        let limit = turnstile.waitingLimit
        switch snapshotLine.withLock({ $0.enter(request, limit: limit) }) {
        case .first: takeSnapshot(for: [request])
        case .waits: break
        case .refused: request.completion(.failure(.queueFull(limit: limit)))
        }
    }

    /// By whoever is first in the line. It stands before the turnstile, which therefore lets in
    /// its one operation however many others wait there.
    private func takeSnapshot(for requests: [SnapshotLine.Request]) {
        let isOptional = !requests.isEmpty && requests.allSatisfy(\.onlyIfOutdated)
        let done: SessionCompletion<SnapshotReference?> = { [self] result in
            let next = snapshotLine.withLock { $0.leave() }
            for request in requests { request.completion(result) }
            if !next.isEmpty { takeSnapshot(for: next) }
        }
        takeTurn(urgently: true, done) { [self] state, turn in
            guard let log, !isOptional || log.bytes > 0 else {
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
        let text = SnapshotText(try state.fileParts(), account)
        let byteCount = text.file.dataBytes
        do {
            let slab = try pool.take(byteCount)
            text.file.copyData(of: state, to: slab.bytes)
            self.init(text, step: state.step, data: [.slab(slab, byteCount: byteCount)])
        } catch {
            throw .overBudget(pool: error, asked: byteCount)
        }
    }

    /// The state where it lies; it must not change before the snapshot is written.
    init(of state: SessionState, _ account: SnapshotAccount) throws(SessionError) {
        let text = SnapshotText(try state.fileParts(), account)
        // What is one number a tensor comes first.
        var numbers = ByteWriter()
        var parts: [Part] = []
        for tensor in text.file.tensors {
            if let number = state.number(of: tensor) {
                numbers.integer(number)
            } else if let bytes = state.bytes(of: tensor) {
                parts.append(.memory(UnsafeRawBufferPointer(bytes), owner: state))
            }
        }
        self.init(text, step: state.step, data: [.bytes(numbers.bytes)] + parts)
    }

    private init(_ text: SnapshotText, step: Int, data: [Part]) {
        self.init(
            position: text.account.position, step: step,
            front: [.deferred { () throws(Errno) in try text.header() }] + data,
            account: .deferred { () throws(Errno) in text.accountBytes })
    }
}

/// What of a snapshot is text, made when the snapshot is written: an account of many receipts
/// takes longer than the copy of a small state, which is all that the session waits for.
///
/// `@unchecked Sendable`: used by the thread that writes the snapshot alone.
private final class SnapshotText: @unchecked Sendable {
    let file: StateFileParts
    let account: SnapshotAccount
    private(set) lazy var accountBytes = account.bytes

    init(_ file: StateFileParts, _ account: SnapshotAccount) {
        self.file = file
        self.account = account
    }

    /// - Throws: `EOVERFLOW` for a state whose sizes no file can hold.
    func header() throws(Errno) -> [UInt8] {
        do {
            return try file.header(
                extra: try SnapshotImage.extraTensors(accountBytes: accountBytes.count))
        } catch {
            throw .overflow
        }
    }
}
