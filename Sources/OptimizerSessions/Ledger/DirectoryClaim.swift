import SystemIO

/// The right of one process to a data directory, for as long as this lives; and that the directory
/// is one, of a format that is known here.
struct DirectoryClaim: ~Copyable, Sendable {
    static let formatVersion = 1
    private static let formatStem = "optimizerd data "

    /// nil where nobody has ever served the directory, such as a copy without the file.
    private let lock: File?

    private init(_ lock: consuming File?) { self.lock = lock }

    /// Makes what a data directory needs where it is not there.
    static func make(_ sessions: String, in path: String) throws(DataDirectoryFault) -> Self {
        _ = try checkFormat(path)
        let claim = try using(path) { () throws(Errno) in
            if !Directory.exists(sessions) { try makeNames(sessions, in: path) }
            return Self(try locked(path, .updateOrCreate))
        }
        // Another process may have made it meanwhile.
        if try !checkFormat(path) {
            try using(path) { () throws(Errno) in try writeFormat(in: path) }
        }
        return claim
    }

    /// Makes and changes nothing.
    static func read(_ path: String) throws(DataDirectoryFault) -> Self {
        guard Directory.exists(path) else { throw .unusable(path: path, .noEntry) }
        guard try checkFormat(path) else { throw .notOne(path: path) }
        guard Directory.exists(lockName(in: path)) else { return Self(nil) }
        return try using(path) { () throws(Errno) in Self(try locked(path, .read)) }
    }

    private static func locked(_ path: String, _ access: File.Access) throws(Errno) -> File {
        let lock = try File(lockName(in: path), access)
        try lock.lock()
        return lock
    }

    private static func using<Answer: ~Copyable>(
        _ path: String, _ body: () throws(Errno) -> Answer
    ) throws(DataDirectoryFault) -> Answer {
        do {
            return try body()
        } catch {
            throw error == .wouldBlock ? .inUse(path: path) : .unusable(path: path, error)
        }
    }

    private static func lockName(in path: String) -> String { "\(path)/lock" }
    private static func formatName(in path: String) -> String { "\(path)/format" }

    private static func makeNames(
        _ sessions: String, in path: String
    ) throws(Errno) {
        try Directory.create(sessions)
        try Directory.sync(path)
        do throws(Errno) {
            try Directory.sync(Directory.parent(of: path))
        } catch {
            // Who may use a directory need not be allowed to read the one that it stands in.
            guard error == .notPermitted else { throw error }
        }
    }

    /// What a directory may hold that is about to become one of ours: what an earlier attempt has
    /// made, and what file systems put at their roots.
    private static let namesBeforeFormat: Set<String> = [
        "sessions", "lock", "format.new", "lost+found",
    ]

    /// - Returns: whether the directory is one of ours; otherwise it may become one.
    private static func checkFormat(_ path: String) throws(DataDirectoryFault) -> Bool {
        let name = formatName(in: path)
        guard Directory.exists(name) else {
            guard Directory.exists(path) else { return false }
            let names = try using(path) { () throws(Errno) in try Directory.names(in: path) }
            guard namesBeforeFormat.isSuperset(of: names) else { throw .notOne(path: path) }
            return false
        }
        let bytes = try using(path) { () throws(Errno) in
            try SegmentFile(name, .read).bytes(at: 0, count: 64)
        }
        let line = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }
        guard line.hasPrefix(formatStem), let version = Int(line.dropFirst(formatStem.count)),
            version >= 1
        else { throw .notOne(path: path) }
        guard version <= formatVersion else { throw .newer(path: path, version: version) }
        return true
    }

    /// Under another name first: a file that is there is whole.
    private static func writeFormat(in path: String) throws(Errno) {
        let line = Array("\(formatStem)\(formatVersion)\n".utf8)
        try FileReplacement(formatName(in: path)).write(line, permissions: nil)
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
                + "\(DirectoryClaim.formatVersion); run the newer optimizerd that wrote it."
        case .damagedJournal(let fault):
            "The machine has stopped since sessions were served, and what they had acknowledged "
                + "last may stand only in a journal that is damaged (\(fault)). Restore it, or "
                + "remove the journal to accept that loss."
        case .notOne(let path):
            "\(path) is no data directory of optimizerd: it holds other files, or one named format "
                + "that says something else. Name another with --data-dir."
        }
    }
}
