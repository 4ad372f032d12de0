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
    package static let formatVersion = 1
    private static let formatStem = "optimizerd data "
    /// Generations, positions and steps in names; a larger number is in none of ours, and sums of
    /// a few of these do not overflow.
    static let highestNumber = 1 << 53

    package let path: String
    let sessions: String
    private let lock: File

    /// Makes the directory, or opens it, and claims it.
    package init(_ path: String) throws(DataDirectoryFault) {
        self.path = path
        sessions = "\(path)/sessions"
        lock = try Self.claim(path, sessions)
    }

    private static func claim(
        _ path: String, _ sessions: String
    ) throws(DataDirectoryFault) -> File {
        let lock = try locked(path, sessions)
        try checkFormat(path)
        return lock
    }

    private static func locked(
        _ path: String, _ sessions: String
    ) throws(DataDirectoryFault) -> File {
        do {
            if !Directory.exists(sessions) { try make(path, sessions) }
            let lock = try File("\(path)/lock", .updateOrCreate)
            try lock.lock()
            return lock
        } catch {
            throw error == .wouldBlock ? .inUse(path: path) : .unusable(path: path, error)
        }
    }

    private static func make(_ path: String, _ sessions: String) throws(Errno) {
        try Directory.create(sessions)
        try Directory.sync(path)
        do throws(Errno) {
            try Directory.sync(Directory.parent(of: path))
        } catch {
            // Who may use a directory need not be allowed to read the one that it stands in.
            guard error == .notPermitted else { throw error }
        }
    }

    private static func checkFormat(_ path: String) throws(DataDirectoryFault) {
        let name = "\(path)/format"
        do {
            guard Directory.exists(name) else { return try writeFormat(name, in: path) }
            let file = try SegmentFile(name, .read)
            let text = String(decoding: try file.bytes(at: 0, count: 64), as: UTF8.self)
            let line = text.prefix { $0 != "\n" }
            guard line.hasPrefix(formatStem),
                let version = Int(line.dropFirst(formatStem.count)), version >= 1
            else { throw DataDirectoryFault.notOne(path: path) }
            guard version <= formatVersion else {
                throw DataDirectoryFault.newer(path: path, version: version)
            }
        } catch let fault as DataDirectoryFault {
            throw fault
        } catch {
            throw .unusable(path: path, error as? Errno ?? .inputOutput)
        }
    }

    /// Under another name first: a file that is there is whole.
    private static func writeFormat(_ name: String, in path: String) throws(Errno) {
        let unfinished = name + ".tmp"
        let file = try File(unfinished, .updateOrCreate)
        let line = Array("\(formatStem)\(formatVersion)\n".utf8)
        let outcome = line.withUnsafeBytes { bytes in
            Result { () throws(Errno) in try file.write([bytes], at: 0) }
        }
        try outcome.get()
        try file.syncData()
        try Directory.rename(unfinished, to: name)
        try Directory.sync(path)
    }

    // MARK: Sessions

    /// Makes the directory of a new session with its first snapshot; durable on return.
    func begin(
        _ session: String, firstGeneration: Int, with snapshot: SnapshotImage
    ) throws(LedgerFailure) -> LedgerPlace {
        let place = place(of: session, firstGeneration)
        do {
            try Directory.create(place.path)
            try place.keep(snapshot)
            try Directory.sync(sessions)
        } catch {
            // Without a snapshot under its name it is no session; the next start removes it.
            try? Directory.removeTree(place.path)
            throw error as? LedgerFailure ?? LedgerFailure(error as? Errno ?? .inputOutput)
        }
        return place
    }

    func place(of session: String, _ firstGeneration: Int) -> LedgerPlace {
        LedgerPlace(in: sessions, session: session, firstGeneration: firstGeneration)
    }

    /// Renames the session's directory, which deletes the session at once and wholly.
    func retire(_ place: LedgerPlace, lastGeneration: Int) throws(LedgerFailure) {
        do {
            let retired = RetiredName(session: place.session, lastGeneration: lastGeneration)
            try Directory.rename(place.path, to: path(of: retired))
            try Directory.sync(sessions)
        } catch {
            throw LedgerFailure(error)
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

/// What remains of a deleted session; without a name, of many.
struct RetiredName: Hashable {
    let session: String
    let lastGeneration: Int

    private static let mark = "@retired-"

    init(session: String, lastGeneration: Int) {
        self.session = session
        self.lastGeneration = lastGeneration
    }

    var text: String { "\(session)\(Self.mark)\(lastGeneration)" }

    init?(_ text: String) {
        guard let at = text.firstIndex(of: "@"), text[at...].hasPrefix(Self.mark),
            let last = Int(text[at...].dropFirst(Self.mark.count)), last >= 1,
            last <= DataDirectory.highestNumber
        else { return nil }
        session = String(text[..<at])
        lastGeneration = last
        guard session.isEmpty || SessionName.isValid(session) else { return nil }
    }
}

/// Why a directory cannot be served, in a sentence for whoever named it.
package enum DataDirectoryFault: Error, Equatable, CustomStringConvertible {
    case unusable(path: String, Errno)
    case inUse(path: String)
    case newer(path: String, version: Int)
    case notOne(path: String)
    /// A journal that sessions depend on cannot be read.
    case damagedJournal(String)

    package var description: String {
        switch self {
        case .unusable(let path, let error):
            "The data directory \(path) cannot be used: \(error). Name another with --data-dir."
        case .inUse(let path):
            "The data directory \(path) is in use by another optimizerd."
        case .newer(let path, let version):
            "The data directory \(path) has format \(version), and this program knows none above "
                + "\(DataDirectory.formatVersion); run the newer optimizerd that wrote it."
        case .damagedJournal(let fault):
            "The machine has stopped since sessions were served, and what they had acknowledged "
                + "last may stand only in a journal that is damaged (\(fault)). Restore it, or "
                + "remove the journal to accept that loss."
        case .notOne(let path):
            "\(path) holds a file named format that is none of optimizerd's."
        }
    }
}
