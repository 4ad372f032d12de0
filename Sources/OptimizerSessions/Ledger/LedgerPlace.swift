import SystemIO

/// The directory of one session's one life: `NAME@FIRST-GENERATION`.
struct LedgerPlace: Hashable, Sendable {
    let path: String
    let session: String
    let firstGeneration: Int

    init(in sessions: String, session: String, firstGeneration: Int) {
        self.session = session
        self.firstGeneration = firstGeneration
        path = "\(sessions)/\(session)@\(firstGeneration)"
    }

    func path(of file: LedgerFileName) -> String { "\(path)/\(file.text)" }

    func files() throws(LedgerFault) -> LedgerFiles {
        try path.reading { () throws(Errno) in try LedgerFiles(in: path) }
    }

    /// Writes a snapshot under a name that means nothing, and gives it its own when all of it is
    /// on the disk: at no moment is there half a snapshot.
    func keep(_ snapshot: SnapshotImage) throws(LedgerFailure) {
        let reference = SnapshotReference(position: snapshot.position, step: snapshot.step)
        let final = path(of: .snapshot(reference))
        let unfinished = path(of: .unfinished(LedgerFileName.snapshot(reference).text))
        do {
            let names = try OpenDirectory(path)
            if Directory.exists(unfinished) { try Directory.removeFile(unfinished) }
            try snapshot.write(to: unfinished)
            try Directory.rename(unfinished, to: final)
            try names.sync()
        } catch {
            removeUnfinished(unfinished)
            throw LedgerFailure(error)
        }
    }

    /// Remembers that records are missing from the log, until somebody looks into it: without
    /// them the rest of it would look whole. Removing the file accepts their loss.
    func markIncomplete(_ reason: String) throws(Errno) {
        let file = try File(incompletePath, .updateOrCreate)
        let outcome = Array(reason.utf8).withUnsafeBytes { bytes in
            Result { () throws(Errno) in try file.write([bytes], at: 0) }
        }
        try outcome.get()
        try file.syncData()
        try Directory.sync(path)
    }

    /// - Throws: when records are known to be missing.
    func checkComplete() throws(LedgerFault) {
        guard Directory.exists(incompletePath) else { return }
        let text = try incompletePath.reading { () throws(Errno) in
            try SegmentFile(incompletePath, .read).bytes(at: 0, count: 4096)
        }
        throw .damaged(
            file: incompletePath, offset: 0, reason: String(decoding: text, as: UTF8.self))
    }

    private var incompletePath: String { "\(path)/incomplete" }

    private func removeUnfinished(_ path: String) {
        // It means nothing where it stays, and the next snapshot or start removes it.
        if Directory.exists(path) { try? Directory.removeFile(path) }
    }
}
