import Dispatch
import Synchronization
import SystemIO

/// One thread that writes records and makes them durable, many with one wait for the disk.
///
/// It takes everything that has come in meanwhile, writes it, lets the sessions go on, and syncs
/// what it wrote: records that wait together share the wait. What belongs to the desk is touched
/// on its thread only.
final class ArchiveDesk: Sendable {
    enum Errand: Sendable {
        case append(FileLedger, LedgerRecord, after: Int, AppendAnswers)
        case perform(@Sendable () -> Void)
    }

    struct AppendAnswers: Sendable {
        let written: LedgerCompletion
        let durable: LedgerCompletion
    }

    private let inbox = Mutex(Inbox())
    private let wakeUp = DispatchSemaphore(value: 0)
    private let health: LedgerHealth
    private let openFiles: OpenFiles
    private let batchLimit: Int
    private let journal: CommitJournal?
    private let buffer: DeskBuffer

    private struct Inbox {
        var errands: [Errand] = []
        var isClosed = false
    }

    /// - Parameters:
    ///   - openFileLimit: segments that may be open at a time.
    ///   - journal: where records of several sessions become durable together; without one each
    ///     segment is synced by itself.
    init(
        name: String, openFileLimit: Int, health: LedgerHealth, journal: CommitJournal? = nil
    ) throws(Errno) {
        self.health = health
        self.journal = journal
        buffer = DeskBuffer(try RecordBuffer())
        // Half of them for what is kept open, half for what a batch opens.
        openFiles = OpenFiles(limit: max(1, openFileLimit / 2))
        batchLimit = max(1, openFileLimit / 2)
        _ = try WorkerThread(name: name) { [weak self, wakeUp] in
            while true {
                wakeUp.wait()
                guard let self, self.work() else { return }
            }
        }
    }

    deinit { wakeUp.signal() }

    func submit(_ errand: Errand) {
        let isFirst = inbox.withLock { inbox in
            inbox.errands.append(errand)
            return inbox.errands.count == 1
        }
        if isFirst { wakeUp.signal() }
    }

    /// Runs `work` on the desk's thread after everything that was submitted before.
    func perform(_ work: @escaping @Sendable () -> Void) {
        submit(.perform(work))
    }

    private func work() -> Bool {
        let errands = inbox.withLock { inbox in
            defer { inbox.errands = [] }
            return inbox.errands
        }
        // Each errand may open a segment, and only between batches are any closed.
        for start in stride(from: 0, to: errands.count, by: batchLimit) {
            work(errands[start..<min(start + batchLimit, errands.count)])
        }
        return true
    }

    private func work(_ errands: ArraySlice<Errand>) {
        var batch: [(ledger: FileLedger, durable: LedgerCompletion)] = []
        for errand in errands {
            switch errand {
            case .append(let ledger, let record, let expected, let answers):
                if write(record, to: ledger, after: expected, answers) {
                    batch.append((ledger, answers.durable))
                }
            case .perform(let work):
                work()
            }
        }
        sync(batch)
    }

    private func write(
        _ record: LedgerRecord, to ledger: FileLedger, after expected: Int,
        _ answers: AppendAnswers
    ) -> Bool {
        do throws(LedgerFailure) {
            try health.check()
            #if DEBUG
            CrashPoint.beforeAppend.reach()
            #endif
            try ledger.write(record, after: expected, &buffer.records)
            openFiles.used(ledger)
        } catch {
            health.note(error)
            answers.written(.failure(error))
            return false
        }
        #if DEBUG
        CrashPoint.afterAppend.reach()
        #endif
        answers.written(.success(()))
        return true
    }

    /// Records that wait together become durable together: in the journal where several of them
    /// are in the buffer, otherwise each by a sync of its segment.
    private func sync(_ batch: [(ledger: FileLedger, durable: LedgerCompletion)]) {
        var isInJournal = false
        if buffer.records.pieces.count > 1, batch.count > 1, let journal {
            isInJournal = commit(to: journal)
        }
        for (ledger, durable) in batch {
            if isInJournal, ledger.isBuffered {
                durable(.success(()))
                continue
            }
            let outcome = Result { () throws(LedgerFailure) in
                try health.check()
                try ledger.sync()
            }
            if case .failure(let failure) = outcome { health.note(failure) }
            durable(outcome)
        }
        buffer.records.removeAll()
        openFiles.closeOldest()
    }

    /// - Returns: false when the journal took nothing and each segment has to be synced by itself.
    private func commit(to journal: CommitJournal) -> Bool {
        do throws(Errno) {
            try journal.commit(buffer.records)
            return true
        } catch {
            do throws(Errno) {
                try journal.abandonBatch()
            } catch {
                health.note(.failed(error))
            }
            // Without room the segments can still be synced. What a failed sync has left there
            // nobody knows.
            if case .failed = LedgerFailure(error) { health.note(.failed(error)) }
            return false
        }
    }
}

/// The records of the batch at hand. Confined to the desk's thread.
private final class DeskBuffer: @unchecked Sendable {
    var records: RecordBuffer

    init(_ records: RecordBuffer) {
        self.records = records
    }
}

/// Whether the disk can be trusted. Once it has failed, nothing is acknowledged any more: what a
/// failed sync has left on the disk cannot be found out by trying again (fsync(2), and the
/// kernel drops pages that it could not write).
package final class LedgerHealth: Sendable {
    private let failure = Mutex<LedgerFailure?>(nil)
    private let onFailure: @Sendable (LedgerFailure) -> Void

    package init(onFailure: @escaping @Sendable (LedgerFailure) -> Void) {
        self.onFailure = onFailure
    }

    package var hasFailed: Bool { failure.withLock { $0 != nil } }

    func check() throws(LedgerFailure) {
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// Remembers the first failure that is no lack of room.
    func note(_ error: LedgerFailure) {
        guard case .failed = error else { return }
        let isFirst = failure.withLock { failure in
            defer { failure = failure ?? error }
            return failure == nil
        }
        if isFirst { onFailure(error) }
    }
}

/// The segments that a desk keeps open: those used last. Confined to the desk's thread.
///
/// A ledger that nobody has any more closes its file itself; a list that held it would hold the
/// archive, and with it the desk.
private final class OpenFiles: @unchecked Sendable {
    private struct Entry {
        weak var ledger: FileLedger?
    }

    private let limit: Int
    private var entries: [Entry] = []
    private var uses = 0

    init(limit: Int) {
        self.limit = limit
    }

    func used(_ ledger: FileLedger) {
        uses += 1
        ledger.lastUse = uses
        if !ledger.isListedOpen {
            ledger.isListedOpen = true
            entries.append(Entry(ledger: ledger))
        }
    }

    /// Closes all but the half that was used last when there are more than may be; everything in
    /// them is durable then.
    func closeOldest() {
        guard entries.count > limit else { return }
        let ledgers = entries.compactMap(\.ledger).sorted { $0.lastUse > $1.lastUse }
        for ledger in ledgers.dropFirst(limit / 2) {
            ledger.isListedOpen = false
            ledger.closeFile()
        }
        entries = ledgers.prefix(limit / 2).map { Entry(ledger: $0) }
    }
}
