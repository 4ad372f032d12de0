import OptimizerEngine
import Synchronization
import SystemIO
import TensorFormats

/// All sessions of the process, by name.
///
/// Operations that may take long answer through a completion, on the calling thread or on a
/// lane, at a moment when no lock is held. A completion is brief and does not wait for other
/// operations; what takes longer (writing a large answer as JSON) goes to `lanes.submit`.
package final class SessionStore: Sendable {
    package let limits: SessionLimits
    package let lanes: LanePool
    package let budget: StateBudget

    let context: SessionContext
    private let registry: Mutex<SessionRegistry>

    /// - Parameter bodies: where answers' slabs come from.
    package init(limits: SessionLimits, lanes: LanePool, bodies: SlabPool) {
        self.limits = limits
        self.lanes = lanes
        budget = StateBudget(limitBytes: limits.stateBytes)
        context = SessionContext(limits: limits, lanes: lanes, bodies: bodies, budget: budget)
        registry = Mutex(SessionRegistry(limits: limits))
    }

    package var sessionCount: Int { registry.withLock { $0.count } }

    package func session(named name: String) throws(SessionError) -> Session {
        guard let session = find(name) else { throw .unknownSession(name: name) }
        return session
    }

    /// Sessions in byte order of their names.
    ///
    /// - Parameters:
    ///   - pageToken: the `nextPageToken` of the page before this one.
    ///   - pageSize: at least 1.
    package func list(
        prefix: String = "", pageToken: String? = nil, pageSize: Int = 100
    ) -> SessionPage {
        let (sessions, more) = registry.withLock {
            $0.page(prefix: prefix, after: pageToken, limit: max(1, pageSize))
        }
        return SessionPage(
            sessions: sessions, nextPageToken: more ? sessions.last?.name : nil)
    }

    /// Forgets the session; its memory is free when `completion` is called. Operations that wait
    /// for their turn get `unknownSession`; those that have it finish first.
    package func remove(
        _ name: String, ifMatch: Precondition? = nil,
        completion: @escaping SessionCompletion<SessionTag>
    ) {
        guard let session = find(name) else {
            return completion(.failure(.unknownSession(name: name)))
        }
        session.remove(ifMatch: ifMatch, from: self, completion: completion)
    }

    // MARK: For the operations of this room

    var isFull: Bool { registry.withLock { $0.isFull } }

    /// Refuses what a new session would be refused for: that there are as many as may be, or that
    /// no `stateBytes` are left. A session of that name is no new one.
    package func checkRoom(forSessionNamed name: String, stateBytes: Int) throws(SessionError) {
        guard find(name) == nil else { return }
        guard !isFull else { throw fullError }
        guard stateBytes <= budget.limitBytes - budget.inUseBytes else {
            throw .overBudget(.stateBytes, limit: budget.limitBytes, asked: stateBytes)
        }
    }

    func find(_ name: String) -> Session? {
        registry.withLock { $0.session(named: name) }
    }

    /// Makes a session of a finished state; answers the one that has the name already.
    func insert(
        _ state: SessionState, as name: String, origin: SessionOrigin
    ) throws(SessionError) -> Insertion {
        let session = Session(name, state: state, origin: origin, context: context)
        switch registry.withLock({ $0.insert(session) }) {
        case .inserted: return .inserted(session.description())
        case .taken(let existing): return .taken(existing)
        case .full: throw fullError
        }
    }

    enum Insertion {
        case inserted(SessionDescription)
        case taken(Session)
    }

    var fullError: SessionError {
        .overBudget(.sessionCount, limit: limits.sessionCount, asked: 1)
    }

    func forget(_ session: Session, lastGeneration: Int) {
        registry.withLock { $0.remove(session, lastGeneration: lastGeneration) }
    }
}

package typealias SessionCompletion<Outcome> =
    @Sendable (Result<Outcome, SessionError>) -> Void

package struct SessionPage: Sendable {
    package let sessions: [Session]
    /// nil on the last page.
    package let nextPageToken: String?
}

/// The bounds that sessions keep.
package struct SessionLimits: Sendable {
    /// Parameters, moments and descriptions of all sessions together.
    package var stateBytes: Int
    package var sessionCount = 100_000
    /// Operations that wait for their turn in one session.
    package var waitingPerSession = 64
    /// Deleted names whose last generation is remembered one by one.
    package var retiredNameCount = 100_000
    /// Work on at most so many elements is done on the calling thread.
    package var inlineElementCount = LanePool.inlineElementCount

    package init(stateBytes: Int) {
        self.stateBytes = stateBytes
    }
}
