import OptimizerEngine
import Synchronization
import SystemIO
import TensorFormats

/// One training run's parameters and optimizer.
///
/// Everything that reads or changes the state goes through the turnstile, one operation at a
/// time in order of arrival; `description` is the exception and never waits. Completions are
/// called by the thread that did the work while the operation still has its turn, with no lock
/// held; see `SessionStore` about what they may do.
///
/// `@unchecked Sendable` because of `state` and `log`: only whoever has the turn touches them,
/// and the turnstile's lock orders one turn after the other.
package final class Session: @unchecked Sendable {
    package let name: String
    package let layout: TensorLayout
    package let elementType: ElementType
    package let durability: Durability

    let origin: SessionOrigin
    private(set) var firstGeneration = 1
    /// nil: as the service has it.
    let retainSteps: Int?
    let context: SessionContext
    /// Receipts and idempotency keys, which are looked up without a turn.
    let book: Mutex<ReceiptBook>
    /// Confined to the holder of the turn.
    var receiptRoom = ReceiptRoom()
    /// How far the log has come; nil for a session that lives in memory only.
    var log: SessionLog?
    let snapshotLine = Mutex(SnapshotLine())
    let fileMemo: Mutex<FileMemo>
    let turnstile: Turnstile
    private let published: Mutex<PublishedSession>
    /// nil once the session is deleted.
    var state: SessionState?

    init(_ draft: SessionDraft, context: SessionContext, book: ReceiptBook = ReceiptBook()) {
        name = draft.name
        layout = draft.state.layout
        elementType = draft.state.optimizer.elementType
        durability = draft.durability
        origin = draft.origin
        retainSteps = draft.retainSteps
        self.context = context
        self.book = Mutex(book)
        fileMemo = Mutex(FileMemo(draft.state.layout))
        state = draft.state
        published = Mutex(
            PublishedSession(
                draft.state.description(
                    of: draft.name, draft.durability, retainSteps: draft.retainSteps)))
        let lanes = context.lanes
        turnstile = Turnstile(waitingLimit: context.limits.waitingPerSession) { lanes.submit($0) }
    }

    /// Sets the first generation, before anybody else knows of the session.
    func begin(at generation: Int) {
        firstGeneration = generation
        state?.generation = generation
        published.withLock {
            $0.description.tag = SessionTag(generation: generation, step: $0.description.step)
        }
    }

    /// The session as it stood after the last operation that is complete.
    package func description() -> SessionDescription {
        published.withLock { $0.description }
    }

    package var tag: SessionTag { published.withLock { $0.description.tag } }
}

extension Session {
    /// Has the watch notified once, when the version is another one than `tag` or the session is
    /// deleted.
    ///
    /// - Returns: false when that is so already; the watch is then not notified.
    package func add(_ watch: SessionWatch, from tag: SessionTag) -> Bool {
        published.withLock { $0.add(watch, from: tag) }
    }

    package func remove(_ watch: SessionWatch) {
        published.withLock { $0.remove(watch) }
    }
}

/// A session that is about to be.
struct SessionDraft {
    let name: String
    let state: SessionState
    let origin: SessionOrigin
    let durability: Durability
    let retainSteps: Int?
}

// MARK: Turns

extension Session {
    /// Calls `body` with the state when this operation has its turn; `body` ends the turn, then
    /// or later. A full line, a deleted session or a failed disk ends the operation at once.
    func takeTurn<Outcome>(
        urgently: Bool = false, _ completion: @escaping SessionCompletion<Outcome>,
        _ body: @escaping @Sendable (SessionState, Turn<Outcome>) -> Void
    ) {
        let turn = Turn(turnstile: turnstile, completion: completion)
        enter(urgently: urgently, turn) { [self] in
            do throws(SessionError) {
                body(try stateForTurn(), turn)
            } catch {
                turn.end(.failure(error))
            }
        }
    }

    /// Calls `visit` when the turn has come; it ends the turn. A full line ends the operation.
    func enter<Outcome>(
        urgently: Bool = false, _ turn: Turn<Outcome>, _ visit: @escaping Turnstile.Visit
    ) {
        guard !turnstile.enter(urgently: urgently, visit) else { return }
        turn.completion(.failure(.queueFull(limit: turnstile.waitingLimit)))
    }

    /// What the holder of the turn works on.
    ///
    /// - Throws: the session has been deleted, or the disk has failed.
    func stateForTurn() throws(SessionError) -> SessionState {
        guard let state else { throw .unknownSession(name: name) }
        try checkLog()
        return state
    }

    /// Makes a step visible. By the holder of the turn.
    func publish(stepOf state: SessionState, at time: WallTime) {
        let watches = published.withLock {
            $0.description.skipped = state.skipped
            $0.description.accumulated = state.accumulated
            if state.policy.gradScaler != nil { $0.description.policy = state.policy }
            $0.description.updated = time
            guard $0.description.tag != state.tag else { return SessionWatches() }
            $0.description.tag = state.tag
            return $0.takeWatches()
        }
        watches.notify()
    }

    /// Makes visible what is accumulated, and what it takes. By the holder of the turn.
    func publish(accumulationIn state: SessionState, at time: WallTime) {
        published.withLock {
            $0.description.accumulated = state.accumulated
            $0.description.stateBytes = state.stateBytes
            $0.description.updated = time
        }
    }

    /// Makes a revision visible: any change that is no step. By the holder of the turn.
    func publish(revisionOf state: SessionState, at time: WallTime) {
        state.generation += 1
        state.updated = time
        var description = state.description(of: name, durability, retainSteps: retainSteps)
        // What it replaces is let go outside the lock.
        let watches = published.withLock {
            swap(&$0.description, &description)
            return $0.takeWatches()
        }
        watches.notify()
    }

    /// Makes a state visible that was rebuilt, before anybody else knows of the session.
    func publish(recovered state: SessionState) {
        let description = state.description(of: name, durability, retainSteps: retainSteps)
        published.withLock { $0.description = description }
    }

    /// Tells everybody who waits for a change that there will be none. By the holder of the turn.
    func publishRemoval() {
        let watches = published.withLock {
            $0.isRemoved = true
            return $0.takeWatches()
        }
        watches.notify()
    }

    /// Puts another state in the place of the one that the holder of the turn was given.
    func replaceState(by state: SessionState, after generation: Int, at time: WallTime) {
        state.generation = generation
        self.state = state
        publish(revisionOf: state, at: time)
    }
}

/// An operation that has its turn.
struct Turn<Outcome>: Sendable {
    let turnstile: Turnstile
    let completion: SessionCompletion<Outcome>

    /// Answers and lets the next one in. Exactly once.
    func end(_ result: Result<Outcome, SessionError>) {
        completion(result)
        turnstile.leave()
    }

    /// Lets the next one in; whoever has the completion answers later.
    func leave() {
        turnstile.leave()
    }

    func end(_ outcome: () throws(SessionError) -> Outcome) {
        end(Result(catching: outcome))
    }
}
