import SystemIO
import TensorFormats

/// What a check found of one session.
package struct SessionReport: Sendable, CustomStringConvertible {
    package let session: String
    package let snapshots: Int
    package let records: Int
    /// Bytes of a record that was never acknowledged; the next start cuts them off.
    package let tornBytes: Int
    /// nil: every file is as it was written.
    package let fault: String?

    package var description: String {
        let counts = "\(session): \(snapshots) snapshots, \(records) records"
        let torn = tornBytes > 0 ? ", \(tornBytes) bytes of an unfinished one" : ""
        return fault.map { "\(session): damaged: \($0)" } ?? "\(counts)\(torn): good"
    }
}

extension DataDirectory {
    /// Does what a start does, from the oldest snapshot of each session and with every other one
    /// read too, and changes nothing. Journals that a process has left are read, but what they
    /// hold is not written to the segments, so these may look shorter than they are.
    package func check() throws(Errno) -> [SessionReport] {
        let context = SessionContext(
            limits: SessionLimits(stateBytes: .max), lanes: try LanePool(laneCount: Machine.cores),
            bodies: SlabPool(limitBytes: .max, idleBytes: 0),
            budget: StateBudget(limitBytes: .max), archive: nil)
        let inventory = try inventory()
        return try journals().map { name throws(Errno) in try check(journal: name) }
            + inventory.places.map { check($0, context) }
            + inventory.superseded.map { place in
                SessionReport(
                    session: place.session, snapshots: 0, records: 0, tornBytes: 0,
                    fault: "\(place.path) is not served: there is a later life of the session")
            }
    }

    private func journals() throws(Errno) -> [String] {
        try Directory.names(in: path).filter { JournalName($0) != nil }
    }

    private func check(journal name: String) throws(Errno) -> SessionReport {
        let file = try SegmentFile("\(path)/\(name)", .read)
        var reader = try RecordReader(
            file, alignment: File.directAlignment, offset: 0, after: -1)
        var (records, fault): (Int, String?) = (0, nil)
        reading: while true {
            switch try reader.read() {
            case .record: records += 1
            case .end, .torn: break reading
            case .damaged(let reason):
                fault = "\(file.path), byte \(reader.offset): \(reason)"
                break reading
            case .newer(let version):
                fault = "\(file.path) has format \(version), which only a newer optimizerd reads"
                break reading
            }
        }
        return SessionReport(
            session: name, snapshots: 0, records: records,
            tornBytes: try file.byteCount - reader.offset, fault: fault)
    }

    private func check(_ place: LedgerPlace, _ context: SessionContext) -> SessionReport {
        var (snapshots, records, tornBytes) = (0, 0, 0)
        var fault: String?
        do throws(LedgerFault) {
            try place.checkComplete()
            let references = try place.files().snapshots
            guard let oldest = references.first else {
                throw .damaged(file: place.path, offset: 0, reason: "there is no snapshot")
            }
            for reference in references {
                _ = try LedgerRecovery.contents(of: reference, at: place)
                snapshots += 1
            }
            let (replay, end) = try LedgerRecovery.replay(
                place, from: try LedgerRecovery.contents(of: oldest, at: place), context)
            if let newest = references.last, newest.position > replay.position {
                throw .damaged(
                    file: place.path, offset: 0,
                    reason: "the log ends before the snapshot at \(newest.position)")
            }
            records = replay.position - oldest.position
            tornBytes = end.tornBytes
        } catch {
            fault = error.description
        }
        return SessionReport(
            session: place.session, snapshots: snapshots, records: records,
            tornBytes: tornBytes, fault: fault)
    }

    /// Cuts the last record off a session's log where that record is what is damaged.
    package func dropLastRecord(of session: String) throws {
        guard let place = try inventory().places.first(where: { $0.session == session }) else {
            throw CheckRefusal("There is no session named \(session).")
        }
        guard try journals().isEmpty else {
            throw CheckRefusal(
                "A journal may hold the record still: serve the directory once, then check again.")
        }
        do throws(LedgerFault) {
            let start = try place.files().segments.first ?? 0
            _ = try LogWalk(place).replay(after: start) { _ in true }
        } catch {
            guard case .damaged(let file, let offset, _) = error, offset > 0,
                try Self.isLastRecord(at: offset, of: file, in: place)
            else {
                throw CheckRefusal(
                    "What is damaged is not the last record of \(session), so more than that "
                        + "would be lost: \(error).")
            }
            let segment = try SegmentFile(file, .update)
            try segment.truncate(to: offset)
            try segment.syncData()
            return
        }
        throw CheckRefusal("The log of \(session) is not damaged.")
    }

    /// Whether no record follows the one at `offset`.
    private static func isLastRecord(
        at offset: Int, of file: String, in place: LedgerPlace
    ) throws -> Bool {
        guard let last = try place.files().segments.last,
            place.path(of: .segment(after: last)) == file
        else { return false }
        let source = try SegmentFile(file, .read)
        let bytes = try source.bytes(at: offset, count: try source.byteCount - offset)
        // No other record's header stands behind it, whatever its own is worth.
        return !stride(from: 8, through: bytes.count - RecordLayout.headerBytes, by: 8).contains {
            index in
            bytes[index..<index + RecordLayout.magicStem.count]
                .elementsEqual(RecordLayout.magicStem)
                && SegmentOpening.alignments.contains { alignment in
                    let header = Array(bytes[index..<index + RecordLayout.headerBytes])
                    return (try? RecordHeader(header, alignment: alignment)) != nil
                }
        }
    }
}

/// Why a check does not do what it was asked to.
package struct CheckRefusal: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
