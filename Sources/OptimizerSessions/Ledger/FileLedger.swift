import Dispatch
import SystemIO
import TensorFormats

/// A session's ledger as files in a directory of its own.
///
/// `@unchecked Sendable`: where the log ends is known to the desk's thread alone, and files that
/// are complete do not change.
final class FileLedger: StepLedger, @unchecked Sendable {
    let place: LedgerPlace
    let archive: Archive
    private let desk: ArchiveDesk
    private let alignment: Int

    // Confined to the desk.
    private var tail: LogTail
    private var file: SegmentFile?
    private var isDirty = false
    /// Of this ledger, while the name of its segment is not on the disk.
    private var newName: OpenDirectory?
    /// For the desk's list of open files.
    var lastUse = 0
    var isListedOpen = false

    /// - Parameters:
    ///   - payloadBytes: how long the records of this session mostly are.
    ///   - tail: where the log ends.
    init(_ place: LedgerPlace, archive: Archive, payloadBytes: Int, tail: LogTail) {
        self.place = place
        self.archive = archive
        self.tail = tail
        let isLarge = payloadBytes >= Archive.largeRecordBytes
        alignment = isLarge ? File.directAlignment : SegmentOpening.alignments[0]
        desk = isLarge ? archive.largeRecords : archive.smallRecords
    }

    func append(
        _ record: LedgerRecord, after expected: Int,
        written: @escaping LedgerCompletion, durable: @escaping LedgerCompletion
    ) {
        let answers = ArchiveDesk.AppendAnswers(written: written, durable: durable)
        desk.submit(.append(self, record, after: expected, answers))
    }

    func byteCount(of record: LedgerRecord) -> Int {
        RecordLayout(
            detailBytes: record.detail.count, payloadBytes: record.payload.byteCount,
            alignment: alignment
        ).byteCount
    }
}

// MARK: On the desk's thread

/// Where a log ends: the segment that takes the next record, if there is one.
struct LogTail: Equatable {
    /// Of the last record.
    var head: Int
    var segment: Segment?

    struct Segment: Equatable {
        /// The position behind which it begins.
        let start: Int
        /// Up to the end of its last record.
        var byteCount: Int
        let alignment: Int
    }
}

extension FileLedger {
    /// Writes a record behind the last one; it is durable once it is synced, or once the buffer,
    /// which gets what was written, is in a journal.
    func write(
        _ record: LedgerRecord, after expected: Int, _ buffer: inout RecordBuffer
    ) throws(LedgerFailure) {
        guard tail.head == expected, record.position == expected + 1 else {
            throw .conflict(expected: expected, actual: tail.head)
        }
        let opened = try LedgerFailure.from { () throws(Errno) in
            try openSegment(record.time, &buffer)
        }
        tail.segment?.byteCount += try write(record, to: opened.file, opened.segment, &buffer)
        tail.head = record.position
        isDirty = true
    }

    /// Whether the record that was written last is in the buffer too.
    var isBuffered: Bool { tail.segment?.alignment == SegmentOpening.alignments[0] }

    /// What a failed write has left behind the last record is cut off again, so that nobody takes
    /// it for one.
    private func write(
        _ record: LedgerRecord, to file: SegmentFile, _ segment: LogTail.Segment,
        _ buffer: inout RecordBuffer
    ) throws(LedgerFailure) -> Int {
        do {
            return try put(record, to: file, segment, &buffer)
        } catch {
            do {
                try file.truncate(to: segment.byteCount)
            } catch {
                throw LedgerFailure.failed(error)
            }
            throw LedgerFailure(error)
        }
    }

    /// Records of aligned segments are large and go from where they lie; the others are put
    /// together in the buffer.
    private func put(
        _ record: LedgerRecord, to file: SegmentFile, _ segment: LogTail.Segment,
        _ buffer: inout RecordBuffer
    ) throws(Errno) -> Int {
        guard segment.alignment == SegmentOpening.alignments[0] else {
            return try file.write(
                record, at: segment.byteCount, alignment: segment.alignment)
        }
        let bytes = try buffer.add(record)
        do throws(Errno) {
            try file.write(bytes, at: segment.byteCount)
        } catch {
            buffer.removeLast(bytes.count)
            throw error
        }
        buffer.wrote(
            RecordBuffer.Piece(
                place: place, segmentStart: segment.start, offset: segment.byteCount,
                byteCount: bytes.count))
        return bytes.count
    }

    private func openSegment(
        _ time: WallTime, _ buffer: inout RecordBuffer
    ) throws(Errno) -> (file: SegmentFile, segment: LogTail.Segment) {
        if let segment = tail.segment {
            if let file { return (file, segment) }
            let path = place.path(of: .segment(after: segment.start))
            return (try open(path, .update, segment.alignment), segment)
        }
        let path = place.path(of: .segment(after: tail.head))
        let directory = try OpenDirectory(place.path)
        let file = try open(path, .create, alignment)
        let opening = SegmentOpening(
            session: place.session, firstGeneration: place.firstGeneration, alignment: alignment)
        var segment = LogTail.Segment(start: tail.head, byteCount: 0, alignment: alignment)
        do throws(Errno) {
            segment.byteCount = try put(
                opening.record(after: tail.head, time: time), to: file, segment, &buffer)
            // A machine that stops may have kept the first record and not what stands before it,
            // and then nobody could tell that it was never acknowledged.
            try file.syncData()
            tail.segment = segment
            newName = directory
            return (file, segment)
        } catch {
            self.file = nil
            try Directory.removeFile(path)
            throw error
        }
    }

    private func open(
        _ path: String, _ access: File.Access, _ alignment: Int
    ) throws(Errno) -> SegmentFile {
        let opened = try SegmentFile(path, access, direct: alignment == File.directAlignment)
        file = opened
        return opened
    }

    /// Returns when everything written is on the disk, its name included.
    func sync() throws(LedgerFailure) {
        guard isDirty else { return }
        do {
            try file?.syncData()
            try newName?.sync()
        } catch {
            throw .failed(error)
        }
        isDirty = false
        newName = nil
    }

    /// The next record opens the segment again. What was written has been synced, or stands in a
    /// journal. The segment's name, too, may stand there alone; the next record could be synced
    /// without a journal, and then the name must be on the disk.
    func closeFile() {
        file = nil
        do {
            try newName?.sync()
        } catch {
            archive.health.note(.failed(error))
        }
        newName = nil
    }

    /// A segment without records stays the one to write to: the next would have its name.
    private func endSegment() {
        do {
            if file != nil { try sync() }
        } catch {
            archive.health.note(error)
        }
        file = nil
        if let segment = tail.segment, segment.start < tail.head { tail.segment = nil }
    }
}

// MARK: Snapshots

extension FileLedger {
    func store(
        _ snapshot: SnapshotImage, retainedSteps: Int, completion: @escaping LedgerCompletion
    ) {
        // Segments begin where snapshots stand, so that whole files become superfluous.
        desk.perform { self.endSegment() }
        archive.librarian.async {
            completion(
                Result { () throws(LedgerFailure) in
                    try self.place.keep(snapshot)
                    self.removeOutdated(retainingFrom: snapshot.step - retainedSteps)
                })
        }
    }

    /// What cannot be removed now is tried again after the next snapshot, and costs room until
    /// then but no record.
    private func removeOutdated(retainingFrom step: Int) {
        do {
            let outdated = try LedgerFiles(in: place.path).outdated(retainingFrom: step)
            for name in outdated { try Directory.removeFile(place.path(of: name)) }
        } catch {
            archive.note(.leftBehind(place.path, error))
        }
    }

    func snapshots() throws(LedgerFault) -> [SnapshotReference] {
        try place.files().snapshots
    }

    func load(_ reference: SnapshotReference) throws(LedgerFault) -> SnapshotContents {
        try SnapshotContents(
            place.path(of: .snapshot(reference)), limits: StateFile.limits(for: FormatLimits()))
    }

    func replay(
        after position: Int, withPayloads: Bool,
        _ body: (LedgerRecord) throws(LedgerFault) -> Bool
    ) throws(LedgerFault) {
        _ = try LogWalk(place, withPayloads: withPayloads).replay(after: position, body)
    }

    func erase(lastGeneration: Int, completion: @escaping LedgerCompletion) {
        desk.perform {
            self.endSegment()
            self.archive.librarian.async {
                let outcome = Result { () throws(LedgerFailure) in
                    try self.archive.directory.retire(self.place, lastGeneration: lastGeneration)
                }
                if case .failure(let failure) = outcome { self.archive.health.note(failure) }
                completion(outcome)
                self.archive.clear(
                    RetiredName(session: self.place.session, lastGeneration: lastGeneration))
            }
        }
    }
}
