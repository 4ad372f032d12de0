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
        archive.historian.async {
            completion(
                Result { () throws(SessionError) in try self.rebuilt(from: ledger, head) })
        }
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
        var oldest: Int?
        do {
            let snapshots = try ledger.snapshots().filter { $0.position <= head }
            oldest = snapshots.first?.step
            guard let target = try position(in: ledger, snapshots, head),
                let base = snapshots.last(where: { $0.position <= target })
            else { throw LedgerFault.notCovered }
            return try replay(ledger, from: base, to: target)
        } catch let error as SessionError {
            throw error
        } catch {
            throw unknown(oldest: oldest, error as? LedgerFault)
        }
    }

    /// The last position at which the session had taken that many steps.
    private func position(
        in ledger: any StepLedger, _ snapshots: [SnapshotReference], _ head: Int
    ) throws(LedgerFault) -> Int? {
        guard let first = snapshots.first else { return nil }
        var last = first.step == step ? first.position : nil
        try ledger.replay(after: first.position, withPayloads: false) { record in
            // The session may have gone on.
            guard record.position <= head else { return false }
            if record.tag.step == step { last = record.position }
            return record.position < head
        }
        return last
    }

    private func replay(
        _ ledger: any StepLedger, from base: SnapshotReference, to target: Int
    ) throws -> SessionState {
        var replay = try LedgerReplay(try ledger.load(base), context)
        guard base.position < target else { return replay.state }
        try ledger.replay(after: base.position, withPayloads: true) {
            record throws(LedgerFault) in
            try replay.apply(record, from: "the log")
            return record.position < target
        }
        return replay.state
    }
}
