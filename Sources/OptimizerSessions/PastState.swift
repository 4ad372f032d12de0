import OptimizerEngine
import SystemIO

/// The state of an earlier step, to be rebuilt from snapshots and log. The session goes on
/// meanwhile: what is read was complete when this was made.
struct PastState: Sendable {
    fileprivate let step: Int
    fileprivate let current: SessionTag
    /// The position of the last record that counts; nil for a session without a log.
    fileprivate let head: Int?
    fileprivate let ledger: (any StepLedger)?
    fileprivate let context: SessionContext
}

extension Session {
    /// By the holder of the turn.
    func pastState(_ step: Int, from state: SessionState) -> PastState {
        PastState(
            step: step, current: state.tag, head: log?.head, ledger: log?.ledger,
            context: context)
    }
}

extension PastState {
    /// Rebuilds the state on the archive's thread for it, as it stood just before the step after
    /// `step`: revisions that came between are in it.
    func rebuild(completion: @escaping SessionCompletion<SessionState>) {
        guard let archive = context.archive, let ledger, let head else {
            return completion(.failure(unknown(oldest: nil)))
        }
        let isAdmitted = archive.rebuild {
            completion(
                Result { () throws(SessionError) in try self.rebuilt(from: ledger, head) })
        }
        if !isAdmitted { completion(.failure(.queueFull(limit: Archive.rebuildLimit))) }
    }

    private func unknown(oldest: Int?, _ fault: LedgerFault? = nil) -> SessionError {
        let reason: String? =
            switch fault {
            case nil, .notCovered: nil
            case let fault?: "\(fault)"
            }
        return .unknownStep(asked: step, current: current, oldest: oldest, reason: reason)
    }

    private func rebuilt(
        from ledger: any StepLedger, _ head: Int
    ) throws(SessionError) -> SessionState {
        let snapshots: [SnapshotReference]
        do {
            snapshots = try ledger.snapshots().filter { $0.position <= head }
        } catch {
            throw unknown(oldest: nil, error)
        }
        var fault: LedgerFault?
        var oldest: Int?
        // The oldest snapshot may have lost its log to a clean-up that was cut short, and the
        // newest before the step may be damaged; others may do.
        for first in snapshots {
            do throws(LedgerFault) {
                let target = try position(in: ledger, from: first, head)
                oldest = oldest ?? first.step
                guard let target else { continue }
                let bases = snapshots.filter { first.position...target ~= $0.position }
                return try rebuilt(from: ledger, bases.reversed(), to: target)
            } catch {
                if case .noRoom(let error) = error { throw error }
                fault = fault ?? error
            }
        }
        throw unknown(oldest: oldest, fault)
    }

    /// The last position at which the session had taken that many steps.
    private func position(
        in ledger: any StepLedger, from first: SnapshotReference, _ head: Int
    ) throws(LedgerFault) -> Int? {
        var last = first.step == step ? first.position : nil
        try ledger.replay(after: first.position, withPayloads: false) { record in
            // The session may have gone on.
            guard record.position <= head else { return false }
            if record.tag.step == step { last = record.position }
            return record.position < head
        }
        return last
    }

    private func rebuilt(
        from ledger: any StepLedger, _ bases: [SnapshotReference], to target: Int
    ) throws(LedgerFault) -> SessionState {
        var fault = LedgerFault.notCovered
        for base in bases {
            do throws(LedgerFault) {
                return try replay(ledger, from: base, to: target)
            } catch {
                fault = error
            }
        }
        throw fault
    }

    private func replay(
        _ ledger: any StepLedger, from base: SnapshotReference, to target: Int
    ) throws(LedgerFault) -> SessionState {
        var replay = try begin(try ledger.load(base))
        guard base.position < target else { return replay.state }
        try ledger.replay(after: base.position, withPayloads: true) {
            record throws(LedgerFault) in
            try replay.apply(record, from: "the log")
            return record.position < target
        }
        return replay.state
    }

    private func begin(_ contents: SnapshotContents) throws(LedgerFault) -> LedgerReplay {
        do {
            return try LedgerReplay(contents, context)
        } catch {
            throw .noRoom(error)
        }
    }
}
