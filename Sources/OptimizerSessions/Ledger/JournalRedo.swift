import SystemIO

/// Writes what the journals of an earlier process hold to the segments that it belongs in, and
/// removes them. What is there already is written over by the same bytes.
struct JournalRedo {
    private let directory: String
    private let place: (String, Int) -> LedgerPlace

    init(_ directory: borrowing DataDirectory) {
        self.directory = directory.path
        let sessions = directory.sessions
        place = { LedgerPlace(in: sessions, session: $0, firstGeneration: $1) }
    }

    /// - Returns: what was wrong with a journal that was not needed.
    func run() throws(DataDirectoryFault) -> [LedgerFault] {
        let outcomes: [Outcome]
        do {
            outcomes = try redoAll()
        } catch {
            throw .unusable(path: directory, error)
        }
        var passedOver: [LedgerFault] = []
        for outcome in outcomes {
            switch outcome {
            case .whole: break
            case .passedOver(let fault): passedOver.append(fault)
            case .refused(let fault): throw fault
            }
        }
        return passedOver
    }

    /// What became of a journal.
    private enum Outcome {
        case whole
        /// It could not be read to its end, and nothing depended on it.
        case passedOver(LedgerFault)
        /// It stays as it is, and so do those after it.
        case refused(DataDirectoryFault)
    }

    private func redoAll() throws(Errno) -> [Outcome] {
        var outcomes: [Outcome] = []
        for name in try Directory.names(in: directory).compactMap({ JournalName($0) }).sorted() {
            let outcome = try redo(name.path(in: directory))
            outcomes.append(outcome)
            if case .refused = outcome { break }
        }
        return outcomes
    }

    private func redo(_ path: String) throws(Errno) -> Outcome {
        let file = try SegmentFile(path, .read)
        var reader = try RecordReader(
            file, alignment: File.directAlignment, offset: 0, after: -1)
        var touched: Set<CommitJournal.CoveredSegment> = []
        var bootID: String?
        var fault: LedgerFault?
        reading: while true {
            switch try reader.read() {
            case .record(let record) where record.kind == .opening:
                bootID = try? JournalOpening(record.detail).bootID
            case .record(let record):
                guard record.kind == .batch, let batch = try? JournalBatch(
                    record.detail, payloadBytes: record.payload.byteCount)
                else {
                    fault = damage(path, reader.offset, "a batch is not as it was written")
                    break reading
                }
                try write(batch, record.payload, &touched)
            case .end, .torn:
                break reading
            case .damaged(let reason):
                fault = damage(path, reader.offset, reason)
                break reading
            case .newer(let version):
                return .refused(.newer(path: path, version: version))
            }
        }
        // While the machine has not stopped, the segments themselves hold everything: a process
        // that ends leaves its page cache behind. Only after that is a damaged journal a loss.
        if let fault, bootID != Machine.bootID {
            return .refused(.damagedJournal("\(fault)"))
        }
        try CommitJournal.remove(path, covering: touched)
        return fault.map { .passedOver($0) } ?? .whole
    }

    private func damage(_ path: String, _ offset: Int, _ reason: String) -> LedgerFault {
        .damaged(file: path, offset: offset, reason: reason)
    }

    private func write(
        _ batch: JournalBatch, _ payload: LedgerPayload,
        _ touched: inout Set<CommitJournal.CoveredSegment>
    ) throws(Errno) {
        var start = 0
        for piece in batch.pieces {
            defer { start += piece.byteCount }
            let place = place(piece.session, piece.firstGeneration)
            guard try isNeeded(piece, at: place) else { continue }
            let bytes = UnsafeRawBufferPointer(
                rebasing: payload.bytes[start..<start + piece.byteCount])
            let path = place.path(of: .segment(after: piece.segmentStart))
            let segment = try SegmentFile(path, .updateOrCreate)
            let end = try segment.byteCount
            guard piece.offset <= end else {
                try place.markIncomplete(
                    "\(path) ends at byte \(end), and a journal goes on at \(piece.offset)")
                continue
            }
            try segment.write(bytes, at: piece.offset)
            touched.insert(
                CommitJournal.CoveredSegment(place: place, start: piece.segmentStart))
        }
    }

    /// A segment that is not there was superfluous when something newer is: a snapshot makes all
    /// names in its directory durable. One whose directory is gone belongs to a deleted session.
    private func isNeeded(
        _ piece: JournalBatch.Piece, at place: LedgerPlace
    ) throws(Errno) -> Bool {
        guard Directory.exists(place.path) else { return false }
        let path = place.path(of: .segment(after: piece.segmentStart))
        if Directory.exists(path) { return true }
        let files = try LedgerFiles(in: place.path)
        return !files.segments.contains { $0 > piece.segmentStart }
            && !files.snapshots.contains { $0.position > piece.segmentStart }
    }
}
