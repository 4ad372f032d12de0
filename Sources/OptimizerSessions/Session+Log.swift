import Synchronization
import SystemIO

/// How far a session's log has come. Confined to the holder of the turn.
struct SessionLog {
    let ledger: any StepLedger
    /// The position of the last record.
    var head: Int
    /// Bytes of records since the last snapshot.
    var bytes = 0
}

/// A record in the making: all but its position.
struct LogEntry {
    let kind: LedgerRecord.Kind
    let tag: SessionTag
    let time: WallTime
    var detail: [UInt8] = []
    var payload = LedgerPayload.empty
}

extension Session {
    /// Refuses everything once the disk has failed: what is in memory may then be ahead of what
    /// was ever acknowledged.
    func checkLog() throws(SessionError) {
        guard log != nil, let archive = context.archive else { return }
        do {
            try archive.health.check()
        } catch {
            throw SessionError(error)
        }
    }

    /// Puts a change into the log; for a session in memory both completions are called at once.
    /// By the holder of the turn; see `StepLedger.append`.
    func append(
        _ entry: LogEntry, written: @escaping SessionCompletion<Void>,
        durable: @escaping SessionCompletion<Void>
    ) {
        guard let log else {
            written(.success(()))
            return durable(.success(()))
        }
        let record = LedgerRecord(
            entry.kind, position: log.head + 1, tag: entry.tag, time: entry.time,
            detail: entry.detail, payload: entry.payload)
        let byteCount = log.ledger.byteCount(of: record)
        log.ledger.append(
            record, after: log.head,
            written: { [self] result in
                if case .success = result {
                    self.log?.head += 1
                    self.log?.bytes += byteCount
                }
                written(result.mapError { SessionError($0) })
            },
            durable: { durable($0.mapError { SessionError($0) }) })
    }

    /// Puts a revision into the log and goes on when it is durable; ends the turn when it cannot
    /// be kept.
    func keep<Outcome>(
        _ entry: LogEntry, _ turn: Turn<Outcome>, then next: @escaping @Sendable () -> Void
    ) {
        append(
            entry,
            written: { if case .failure(let error) = $0 { turn.end(.failure(error)) } },
            durable: { [self] result in
                switch result {
                case .success: context.run(weight: layout.weight, next)
                case .failure(let error): turn.end(.failure(error))
                }
            })
    }

    func revision(
        _ kind: LedgerRecord.Kind, of state: SessionState, detail: [UInt8] = [],
        payload: LedgerPayload
    ) -> LogEntry {
        LogEntry(
            kind: kind,
            tag: SessionTag(generation: state.generation + 1, step: state.step),
            time: WallClock.now(), detail: detail, payload: payload)
    }
}

/// Goes on when both of two things have happened; the failure of either is the outcome.
final class BothDone: Sendable {
    private struct State {
        var missing = 2
        var failure: SessionError?
    }

    private let state = Mutex(State())
    private let completion: SessionCompletion<Void>

    init(completion: @escaping SessionCompletion<Void>) {
        self.completion = completion
    }

    func one(_ result: Result<Void, SessionError>) {
        let outcome: Result<Void, SessionError>? = state.withLock { state in
            state.missing -= 1
            if case .failure(let error) = result { state.failure = state.failure ?? error }
            guard state.missing == 0 else { return nil }
            return state.failure.map { .failure($0) } ?? .success(())
        }
        if let outcome { completion(outcome) }
    }
}
