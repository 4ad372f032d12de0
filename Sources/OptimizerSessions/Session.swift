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
/// `@unchecked Sendable` because of `state`: only whoever has the turn touches it, and the
/// turnstile's lock orders one turn after the other.
package final class Session: @unchecked Sendable {
    package let name: String
    package let layout: TensorLayout
    package let elementType: ElementType

    let origin: SessionOrigin
    private(set) var firstGeneration = 1
    let context: SessionContext
    private let turnstile: Turnstile
    private let published: Mutex<SessionDescription>
    /// nil once the session is deleted.
    private var state: SessionState?

    init(
        _ name: String, state: SessionState, origin: SessionOrigin, context: SessionContext
    ) {
        self.name = name
        layout = state.layout
        elementType = state.optimizer.elementType
        self.origin = origin
        self.context = context
        self.state = state
        published = Mutex(state.description(of: name))
        let lanes = context.lanes
        turnstile = Turnstile(waitingLimit: context.limits.waitingPerSession) { lanes.submit($0) }
    }

    /// Sets the first generation, before anybody else knows of the session.
    func begin(at generation: Int) {
        firstGeneration = generation
        state?.generation = generation
        published.withLock { $0.tag = SessionTag(generation: generation, step: $0.step) }
    }

    /// The session as it stood after the last operation that is complete.
    package func description() -> SessionDescription {
        published.withLock { $0 }
    }

    package var tag: SessionTag { published.withLock { $0.tag } }
}

// MARK: Turns

extension Session {
    /// Calls `body` with the state when this operation has its turn; `body` ends the turn, then
    /// or later. A full line or a deleted session ends the operation at once.
    func takeTurn<Outcome>(
        _ completion: @escaping SessionCompletion<Outcome>,
        _ body: @escaping @Sendable (SessionState, Turn<Outcome>) -> Void
    ) {
        let turn = Turn(turnstile: turnstile, completion: completion)
        let isAdmitted = turnstile.enter { [self] in
            if let state {
                body(state, turn)
            } else {
                turn.end(.failure(.unknownSession(name: name)))
            }
        }
        if !isAdmitted { completion(.failure(.queueFull(limit: turnstile.waitingLimit))) }
    }

    /// Makes a step visible. By the holder of the turn.
    func publish(stepOf state: SessionState) {
        let now = WallClock.now()
        published.withLock {
            $0.tag = state.tag
            $0.skipped = state.skipped
            $0.updated = now
        }
    }

    /// Makes a revision visible: any change that is no step. By the holder of the turn.
    func publish(revisionOf state: SessionState) {
        state.generation += 1
        state.updated = WallClock.now()
        var description = state.description(of: name)
        // What it replaces is let go outside the lock.
        published.withLock { swap(&$0, &description) }
    }

    /// Puts another state in the place of the one that the holder of the turn was given.
    func replaceState(by state: SessionState, after generation: Int) {
        state.generation = generation
        self.state = state
        publish(revisionOf: state)
    }

    /// Goes before all operations that wait, so that deleting a busy session is no matter of
    /// standing in line.
    func remove(
        ifMatch: Precondition?, from store: SessionStore,
        completion: @escaping SessionCompletion<SessionTag>
    ) {
        let turn = Turn(turnstile: turnstile, completion: completion)
        let isAdmitted = turnstile.enter(urgently: true) { [self] in
            turn.end { () throws(SessionError) in try close(ifMatch, store) }
        }
        if !isAdmitted { completion(.failure(.queueFull(limit: turnstile.waitingLimit))) }
    }

    /// Nothing refers to the state any more when this returns, so its memory is free by then.
    private func close(
        _ ifMatch: Precondition?, _ store: SessionStore
    ) throws(SessionError) -> SessionTag {
        guard let state else { throw .unknownSession(name: name) }
        try state.check(ifMatch)
        store.forget(self, lastGeneration: state.generation)
        self.state = nil
        return state.tag
    }
}

/// An operation that has its turn.
struct Turn<Outcome>: Sendable {
    fileprivate let turnstile: Turnstile
    fileprivate let completion: SessionCompletion<Outcome>

    /// Answers and lets the next one in. Exactly once.
    func end(_ result: Result<Outcome, SessionError>) {
        completion(result)
        turnstile.leave()
    }

    func end(_ outcome: () throws(SessionError) -> Outcome) {
        end(Result(catching: outcome))
    }
}
