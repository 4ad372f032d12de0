import OptimizerEngine
import SystemIO
import TensorFormats

/// Rebuilds one session from its files.
struct LedgerRecovery {
    private let place: LedgerPlace
    private let archive: Archive
    private let context: SessionContext

    init(_ place: LedgerPlace, _ archive: Archive, _ context: SessionContext) {
        self.place = place
        self.archive = archive
        self.context = context
    }

    /// Replays everything behind a snapshot.
    static func replay(
        _ place: LedgerPlace, from contents: SnapshotContents, _ context: SessionContext
    ) throws(LedgerFault) -> (replay: LedgerReplay, end: LogWalk.End) {
        var replay: LedgerReplay
        do {
            replay = try LedgerReplay(contents, context)
        } catch {
            throw .noRoom(error)
        }
        let log = "the log in \(place.path)"
        let end = try LogWalk(place).replay(after: contents.account.position) {
            record throws(LedgerFault) in
            try replay.apply(record, from: log)
            return true
        }
        guard let end, end.tail.head == replay.position else {
            throw .damaged(
                file: place.path, offset: 0,
                reason: "the log ends before the snapshot at \(replay.position)")
        }
        return (replay, end)
    }

    /// Reads a snapshot that is this session's and as it was written.
    static func contents(
        of reference: SnapshotReference, at place: LedgerPlace
    ) throws(LedgerFault) -> SnapshotContents {
        let path = place.path(of: .snapshot(reference))
        let contents = try SnapshotContents(path, limits: StateFile.limits(for: FormatLimits()))
        guard contents.account.session == place.session,
            contents.account.firstGeneration == place.firstGeneration,
            contents.account.position == reference.position
        else { throw .damaged(file: path, offset: 0, reason: "it is another session's") }
        return contents
    }

    struct Found {
        let draft: SessionDraft
        let book: ReceiptBook
        let log: SessionLog
        let tally: RecoveryTally
        /// Whether the start would be shorter with a new snapshot, or safer.
        let needsSnapshot: Bool
    }

    /// - Returns: nil for a creation that was never finished, whose files are removed.
    func run() throws(LedgerFault) -> Found? {
        try place.checkComplete()
        let files = try place.files()
        try writing { () throws(Errno) in
            for name in files.unfinished { try Directory.removeFile("\(place.path)/\(name)") }
            if files.areOfNoSession { try Directory.removeTree(place.path) }
        }
        guard !files.areOfNoSession else { return nil }
        let (contents, passedOver) = try newestSnapshot(files.snapshots)
        // On the way the state may have been larger than it became. Only what it comes to counts.
        var apart = context
        apart.budget = StateBudget(limitBytes: context.budget.limitBytes)
        let (replay, end) = try Self.replay(place, from: contents, apart)
        do {
            try replay.state.charge(to: context.budget)
        } catch {
            throw .noRoom(error)
        }
        try cutTornTail(end, files)
        return found(replay, contents, end, needsSnapshot: passedOver)
    }

    /// The newest snapshot that is as it was written. A damaged one is put aside.
    private func newestSnapshot(
        _ snapshots: [SnapshotReference]
    ) throws(LedgerFault) -> (contents: SnapshotContents, passedOver: Bool) {
        var fault = LedgerFault.damaged(
            file: place.path, offset: 0, reason: "there is no snapshot")
        for (age, reference) in snapshots.reversed().enumerated() {
            let path = place.path(of: .snapshot(reference))
            do throws(LedgerFault) {
                let contents = try Self.contents(of: reference, at: place)
                return (contents, age > 0)
            } catch {
                guard case .damaged = error else { throw error }
                if age == 0 { fault = error }
                // The last one stays where it is: a quarantined session keeps all it has.
                guard age < snapshots.count - 1 else { break }
                archive.note(.passedOver(session: place.session, error))
                try writing { () throws(Errno) in
                    try Directory.rename(path, to: path + ".damaged")
                }
            }
        }
        throw fault
    }

    private func cutTornTail(_ end: LogWalk.End, _ files: LedgerFiles) throws(LedgerFault) {
        if end.tornBytes > 0 {
            archive.note(.tornTail(session: place.session, bytes: end.tornBytes))
        }
        guard let last = files.segments.last else { return }
        let path = place.path(of: .segment(after: last))
        try writing { () throws(Errno) in
            guard let segment = end.tail.segment else {
                // Not even its opening was written.
                return try Directory.removeFile(path)
            }
            guard end.tornBytes > 0 else { return }
            let file = try SegmentFile(path, .update)
            try file.truncate(to: segment.byteCount)
            try file.syncData()
        }
    }

    private func found(
        _ replay: LedgerReplay, _ contents: SnapshotContents, _ end: LogWalk.End,
        needsSnapshot: Bool
    ) -> Found {
        let state = replay.state
        state.updated = replay.updated
        let account = contents.account
        let ledger = FileLedger(
            place, archive: archive, payloadBytes: state.layout.byteCount, tail: end.tail)
        var log = SessionLog(ledger: ledger, head: replay.position)
        log.bytes = end.byteCount
        let draft = SessionDraft(
            name: place.session, state: state, origin: account.origin, durability: .log,
            retainSteps: account.retainSteps)
        return Found(
            draft: draft, book: replay.book, log: log, 
            tally: RecoveryTally(steps: replay.steps, bytes: end.byteCount),
            needsSnapshot: needsSnapshot
                || end.byteCount > max(Session.leastLogBytes, state.stateBytes))
    }

    private func writing(_ body: () throws(Errno) -> Void) throws(LedgerFault) {
        do {
            try body()
        } catch {
            throw .unreadable(file: place.path, error)
        }
    }

    /// A bound for the generations of a session that cannot be read: each is at least a record.
    static func highestGeneration(_ place: LedgerPlace) -> Int {
        var highest = place.firstGeneration
        guard let files = try? place.files() else { return highest + 1 << 20 }
        for reference in files.snapshots {
            highest = max(highest, place.firstGeneration + reference.position)
        }
        for start in files.segments {
            let path = place.path(of: .segment(after: start))
            let byteCount = (try? SegmentFile(path, .read).byteCount) ?? 1 << 30
            highest = max(
                highest, place.firstGeneration + start + byteCount / RecordLayout.headerBytes)
        }
        return highest
    }
}
