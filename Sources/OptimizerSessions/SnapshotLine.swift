/// Who wants a snapshot of a session. One is taken at a time; those who come meanwhile share the
/// next one, so that many who ask cost no more than two.
struct SnapshotLine {
    struct Request: Sendable {
        /// Whether a session that has not changed since its last snapshot will do.
        let onlyIfOutdated: Bool
        let completion: SessionCompletion<SnapshotReference?>
    }

    /// What becomes of a request.
    enum Place {
        /// Nobody is before it: the caller takes the snapshot, then calls `leave`.
        case first
        case waits
        /// As many wait as may.
        case refused
    }

    private enum State {
        case idle
        case taking(next: [Request])
    }

    private var state = State.idle

    mutating func enter(_ request: Request, limit: Int) -> Place {
        switch state {
        case .idle:
            state = .taking(next: [])
            return .first
        case .taking(let next) where next.count >= limit:
            return .refused
        case .taking(let next):
            state = .taking(next: next + [request])
            return .waits
        }
    }

    /// Takes the line where nobody is in it.
    mutating func enterIfIdle() -> Bool {
        guard case .idle = state else { return false }
        state = .taking(next: [])
        return true
    }

    /// The snapshot is taken, or refused.
    ///
    /// - Returns: those who share the next one, which the caller takes now; nobody: the line is
    ///   idle again.
    mutating func leave() -> [Request] {
        guard case .taking(let next) = state, !next.isEmpty else {
            state = .idle
            return []
        }
        state = .taking(next: [])
        return next
    }
}
