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

    /// What sessions outlive the process with; nil where they cannot.
    package let archive: Archive?
    /// How far the sessions of an earlier process are rebuilt.
    package let recovery: RecoveryProgress

    let context: SessionContext
    let registry: Mutex<SessionRegistry>

    /// - Parameters:
    ///   - bodies: where answers' slabs come from.
    ///   - archive: without one only sessions that live in memory can be made. With one the store
    ///     has to be recovered before it is used.
    package init(
        limits: SessionLimits, lanes: LanePool, bodies: SlabPool, archive: Archive? = nil
    ) {
        self.limits = limits
        self.lanes = lanes
        self.archive = archive
        recovery = RecoveryProgress(isNeeded: archive != nil)
        budget = StateBudget(limitBytes: limits.stateBytes)
        context = SessionContext(
            limits: limits, lanes: lanes, bodies: bodies, budget: budget, archive: archive)
        registry = Mutex(SessionRegistry(limits: limits))
    }

    package var sessionCount: Int { registry.withLock { $0.count } }

    /// Sessions whose files are damaged; they are counted among the others too.
    package var quarantinedCount: Int { registry.withLock { $0.quarantinedCount } }

    package func session(named name: String) throws(SessionError) -> Session {
        guard let session = try find(name) else { throw .unknownSession(name: name) }
        return session
    }

    /// Refuses everything while sessions are being rebuilt: what is not there yet is not unknown.
    package func checkRecovered() throws(SessionError) {
        if let (done, total) = recovery.underWay { throw .recovering(done: done, of: total) }
    }

    /// Sessions in byte order of their names.
    ///
    /// - Parameters:
    ///   - prefixes: what their names begin with; in byte order, none beginning with another.
    ///   - pageToken: the `nextPageToken` of the page before this one.
    ///   - pageSize: at least 1.
    package func list(
        prefixes: [String] = [""], pageToken: String? = nil, pageSize: Int = 100
    ) -> SessionPage {
        let (entries, more) = registry.withLock {
            $0.page(prefixes: prefixes, after: pageToken, limit: max(1, pageSize))
        }
        return SessionPage(
            entries: entries.map { name, entry in
                guard case .session(let session) = entry else { return (name, nil) }
                return (name, session.description())
            },
            nextPageToken: more ? entries.last?.name : nil)
    }

    /// Forgets the session; its memory is free when `completion` is called. Operations that wait
    /// for their turn get `unknownSession`; those that have it finish first.
    package func remove(
        _ name: String, ifMatch: Precondition? = nil,
        completion: @escaping SessionCompletion<SessionTag>
    ) {
        switch registry.withLock({ $0[name] }) {
        case nil: completion(.failure(.unknownSession(name: name)))
        case .session(let session):
            session.remove(ifMatch: ifMatch, from: self, completion: completion)
        case .quarantined(let quarantined):
            remove(quarantined, ifMatch: ifMatch, completion: completion)
        }
    }

    // MARK: For the operations of this room

    var isFull: Bool { registry.withLock { $0.isFull } }

    /// Refuses what a new session would be refused for: that there are as many as may be, or that
    /// no `stateBytes` are left. A session of that name is no new one.
    package func checkRoom(forSessionNamed name: String, stateBytes: Int) throws(SessionError) {
        guard registry.withLock({ $0[name] }) == nil else { return }
        guard !isFull else { throw fullError }
        guard stateBytes <= budget.limitBytes - budget.inUseBytes else {
            throw .overBudget(.stateBytes, limit: budget.limitBytes, asked: stateBytes)
        }
    }

    /// nil when there is no session of that name.
    func find(_ name: String) throws(SessionError) -> Session? {
        switch registry.withLock({ $0[name] }) {
        case nil: nil
        case .session(let session): session
        case .quarantined(let quarantined):
            throw .quarantined(name: name, fault: quarantined.fault)
        }
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
    /// By name; without a description the session's files are damaged.
    package let entries: [(name: String, description: SessionDescription?)]
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
    /// How many steps back a session can be rebuilt that says nothing about it itself: at least
    /// what its snapshots and the log between them cover.
    package var retainedSteps = 0
    /// Deleted names whose last generation is remembered one by one.
    package var retiredNameCount = 100_000
    /// Work on at most so many elements is done on the calling thread.
    package var inlineElementCount = LanePool.inlineElementCount
    /// The same of work that holds nobody up there.
    package var loneInlineElementCount = LanePool.loneInlineElementCount

    package init(stateBytes: Int) {
        self.stateBytes = stateBytes
    }
}
