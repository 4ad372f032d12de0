import SystemIO

/// The directory that holds everything that outlives the process.
///
/// - `format`: "optimizerd data 1"; a newer number is refused.
/// - `lock`: claimed by the one process that serves the directory.
/// - `journal-N`: records of many sessions on their way to their segments (`CommitJournal`).
/// - `sessions/NAME@G`: one session's one life, from generation G on (`LedgerFiles`).
/// - `sessions/NAME@retired-L`: a deleted session, whose last generation was L. What is in it is
///   being removed, and it goes when a session of the name begins again.
/// - `sessions/@retired-L`: no deleted session that is not named here came further than L.
package struct DataDirectory: ~Copyable, Sendable {
    /// Generations, positions and steps in names; a larger number is in none of ours, and sums of
    /// a few of these do not overflow.
    static let highestNumber = 1 << 53

    package let path: String
    let sessions: String
    private let claim: DirectoryClaim

    /// Makes the directory, or opens it, and claims it.
    package init(_ path: String) throws(DataDirectoryFault) {
        self.path = path
        sessions = "\(path)/sessions"
        claim = try DirectoryClaim.make(sessions, in: path)
    }

    /// Claims a directory that is there and changes nothing in it, so that a copy on a read-only
    /// file system can be looked at too.
    package init(reading path: String) throws(DataDirectoryFault) {
        self.path = path
        sessions = "\(path)/sessions"
        claim = try DirectoryClaim.read(path)
    }

    // MARK: Sessions

    /// Makes the directory of a new session with its first snapshot; durable on return.
    func begin(
        _ session: String, firstGeneration: Int, with snapshot: SnapshotImage
    ) throws(LedgerFailure) -> LedgerPlace {
        let place = place(of: session, firstGeneration)
        let names = try LedgerFailure.from { () throws(Errno) in
            let names = try OpenDirectory(sessions)
            try Directory.create(place.path)
            return names
        }
        do {
            try place.keep(snapshot)
            try LedgerFailure.from { () throws(Errno) in try names.sync() }
        } catch {
            try abandon(place)
            throw error
        }
        return place
    }

    /// Leaves nothing of a session that was answered as not made.
    private func abandon(_ place: LedgerPlace) throws(LedgerFailure) {
        do {
            try Directory.removeTree(place.path)
        } catch {
            throw .failed(error)
        }
    }

    func place(of session: String, _ firstGeneration: Int) -> LedgerPlace {
        LedgerPlace(in: sessions, session: session, firstGeneration: firstGeneration)
    }

    /// Renames the session's directory, which deletes the session at once and wholly.
    func retire(_ place: LedgerPlace, lastGeneration: Int) throws(LedgerFailure) {
        let retired = RetiredName(session: place.session, lastGeneration: lastGeneration)
        let names = try LedgerFailure.from { () throws(Errno) in
            let names = try OpenDirectory(sessions)
            try Directory.rename(place.path, to: path(of: retired))
            return names
        }
        do {
            try names.sync()
        } catch {
            // The session has its new name already, whatever kind of error this is.
            throw .failed(error)
        }
    }

    /// Removes the files of a retired session; its name stays.
    func clear(_ retired: RetiredName) throws(Errno) {
        let path = path(of: retired)
        for name in try Directory.names(in: path) { try Directory.removeFile("\(path)/\(name)") }
    }

    /// Forgets a retired name whose generation something else remembers.
    func forget(_ retired: RetiredName) throws(Errno) {
        try Directory.removeTree(path(of: retired))
    }

    /// Remembers one generation for all names that are not remembered themselves.
    func raiseFloor(to generation: Int) throws(Errno) {
        try Directory.create(path(of: RetiredName(session: "", lastGeneration: generation)))
        try Directory.sync(sessions)
    }

    private func path(of retired: RetiredName) -> String { "\(sessions)/\(retired.text)" }

    struct Inventory {
        var places: [LedgerPlace] = []
        var retired: [RetiredName] = []
        /// Other lives of sessions that are among the places: somebody has copied them there.
        var superseded: [LedgerPlace] = []
    }

    func inventory() throws(Errno) -> Inventory {
        var inventory = Inventory()
        for name in try Directory.names(in: sessions) {
            if let retired = RetiredName(name) {
                inventory.retired.append(retired)
            } else if let (session, generation) = Self.session(name) {
                inventory.places.append(place(of: session, generation))
            }
        }
        let latest = Dictionary(
            inventory.places.map { ($0.session, $0) },
            uniquingKeysWith: { $0.firstGeneration > $1.firstGeneration ? $0 : $1 })
        inventory.superseded = inventory.places.filter { latest[$0.session] != $0 }
        inventory.places.removeAll { latest[$0.session] != $0 }
        return inventory
    }

    private static func session(_ name: String) -> (name: String, generation: Int)? {
        let parts = name.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, SessionName.isValid(String(parts[0])),
            let generation = Int(parts[1]), generation >= 1, generation <= highestNumber,
            String(generation) == parts[1]
        else { return nil }
        return (String(parts[0]), generation)
    }
}
