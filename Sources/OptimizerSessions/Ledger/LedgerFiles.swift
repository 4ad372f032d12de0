import SystemIO

/// What the files in a session's directory are called.
enum LedgerFileName: Hashable {
    /// Records behind that position.
    case segment(after: Int)
    /// The state after the record at that position, when that many steps had been taken.
    case snapshot(SnapshotReference)
    /// A snapshot that was not finished; it means nothing.
    case unfinished(String)

    private static let segmentPrefix = "log-"
    private static let snapshotPrefix = "snapshot-"
    private static let snapshotSuffix = ".safetensors"
    private static let unfinishedSuffix = ".tmp"

    var text: String {
        switch self {
        case .segment(let position): Self.segmentPrefix + Self.digits(position)
        case .snapshot(let snapshot):
            Self.snapshotPrefix + Self.digits(snapshot.position) + "-\(snapshot.step)"
                + Self.snapshotSuffix
        case .unfinished(let name): name + Self.unfinishedSuffix
        }
    }

    init?(_ text: String) {
        if text.hasSuffix(Self.unfinishedSuffix) {
            self = .unfinished(String(text.dropLast(Self.unfinishedSuffix.count)))
        } else if text.hasPrefix(Self.segmentPrefix),
            let position = Self.number(text.dropFirst(Self.segmentPrefix.count))
        {
            self = .segment(after: position)
        } else if let snapshot = Self.snapshot(text) {
            self = .snapshot(snapshot)
        } else {
            return nil
        }
    }

    private static func snapshot(_ text: String) -> SnapshotReference? {
        guard text.hasPrefix(snapshotPrefix), text.hasSuffix(snapshotSuffix) else { return nil }
        let numbers = text.dropFirst(snapshotPrefix.count).dropLast(snapshotSuffix.count)
            .split(separator: "-", omittingEmptySubsequences: false)
        guard numbers.count == 2, let position = number(numbers[0]),
            let step = Int(numbers[1]), step >= 0, step <= DataDirectory.highestNumber,
            String(step) == numbers[1]
        else { return nil }
        return SnapshotReference(position: position, step: step)
    }

    /// Twenty digits, so that names sort as numbers do.
    private static func digits(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 20 - digits.count)) + digits
    }

    private static func number(_ text: Substring) -> Int? {
        guard text.count == 20, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text).flatMap { $0 <= DataDirectory.highestNumber ? $0 : nil }
    }
}

/// What is in a session's directory, in order of positions.
struct LedgerFiles {
    private(set) var segments: [Int] = []
    private(set) var snapshots: [SnapshotReference] = []
    private(set) var unfinished: [String] = []
    /// Somebody else's, or a newer program's: they mean nothing here, and stay.
    private(set) var others: [String] = []

    init(in path: String) throws(Errno) {
        for name in try Directory.names(in: path) {
            switch LedgerFileName(name) {
            case .segment(let position): segments.append(position)
            case .snapshot(let snapshot): snapshots.append(snapshot)
            case .unfinished: unfinished.append(name)
            case nil: others.append(name)
            }
        }
    }

    /// Whether this can only be a creation that was never finished.
    var areOfNoSession: Bool { snapshots.isEmpty && segments.isEmpty && others.isEmpty }

    /// How many snapshots are kept at least: when the last one turns out to be damaged, the one
    /// before it and the log lead to the same state.
    static let keptSnapshots = 2

    /// What nothing needs any more: everything before the last snapshot from which both the kept
    /// snapshots and the retained steps can be reached.
    func outdated(retainingFrom step: Int) -> [LedgerFileName] {
        let last = snapshots.count - Self.keptSnapshots
        guard last >= 0, let base = snapshots[...last].last(where: { $0.step <= step }) else {
            return []
        }
        // A segment ends where the next one begins.
        let firstNeeded = segments.last { $0 <= base.position } ?? 0
        return snapshots.filter { $0.position < base.position }.map { .snapshot($0) }
            + segments.filter { $0 < firstNeeded }.map { .segment(after: $0) }
    }
}
