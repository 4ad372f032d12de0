import SystemIO

/// Where a session's changes are kept, in order and for good.
///
/// A session holds its turn while it appends, so there is one append at a time; `expected` tells
/// a ledger that others write to as well that somebody was faster. Files are the only
/// implementation so far (`FileLedger`); nothing above this protocol knows about them.
package protocol StepLedger: AnyObject, Sendable {
    /// Appends a record behind the one at position `expected`.
    ///
    /// Exactly one of two things happens: `written` gets a failure and nothing else follows, with
    /// nothing appended; or `written` succeeds, from when on the payload's memory is the caller's
    /// again, and `durable` follows, once the record will survive the machine's end or will never
    /// be known to. Neither waits for the session.
    func append(
        _ record: LedgerRecord, after expected: Int,
        written: @escaping LedgerCompletion, durable: @escaping LedgerCompletion)

    /// How much a record will take where it is kept, in bytes.
    func byteCount(of record: LedgerRecord) -> Int

    /// Keeps a whole state, so that records up to its position need no replay. Called by whoever
    /// has the session's turn, with the state of that moment.
    ///
    /// - Parameter retainedSteps: how many steps back from the snapshot's must stay within reach.
    func store(
        _ snapshot: SnapshotImage, retainedSteps: Int, completion: @escaping LedgerCompletion)

    /// The states that are kept, oldest first. Blocks.
    func snapshots() throws(LedgerFault) -> [SnapshotReference]

    /// Reads a kept state. Blocks.
    func load(_ reference: SnapshotReference) throws(LedgerFault) -> SnapshotContents

    /// Hands over the records behind `position` in order, until `body` answers false or there are
    /// no more. Blocks.
    ///
    /// - Parameter withPayloads: without them the records have none, and cost next to nothing.
    func replay(
        after position: Int, withPayloads: Bool,
        _ body: (LedgerRecord) throws(LedgerFault) -> Bool
    ) throws(LedgerFault)

    /// Forgets everything. The session's last generation stays known to the name's next holder.
    func erase(lastGeneration: Int, completion: @escaping LedgerCompletion)
}

package typealias LedgerCompletion = @Sendable (Result<Void, LedgerFailure>) -> Void

/// Why a change could not be kept.
package enum LedgerFailure: Error, Equatable, Sendable {
    /// There is no room on the disk, no memory or no descriptor. Nothing was appended, and later
    /// there may be room again.
    case full(Errno)
    /// The disk does not do what it is there for: nothing can be acknowledged any more.
    case failed(Errno)
    /// Somebody else has appended since.
    case conflict(expected: Int, actual: Int)

    init(_ error: Errno) {
        switch error {
        case .noSpace, .quotaExceeded, .fileTooLarge: self = .full(error)
        case .noMemory, .processFileLimit, .systemFileLimit: self = .full(error)
        default: self = .failed(error)
        }
    }
}

extension LedgerFailure {
    /// Runs what asks the system, whose refusal is told as a ledger's.
    static func from<Answer>(
        _ body: () throws(Errno) -> Answer
    ) throws(LedgerFailure) -> Answer {
        do {
            return try body()
        } catch {
            throw LedgerFailure(error)
        }
    }
}

/// What is wrong with what a ledger holds.
package enum LedgerFault: Error, Equatable, Sendable {
    /// The file does not hold what was written to it.
    case damaged(file: String, offset: Int, reason: String)
    /// A newer program wrote it.
    case newer(file: String, version: Int)
    /// The system does not let it be read.
    case unreadable(file: String, Errno)
    /// Nothing that is kept leads to that position.
    case notCovered
    /// There is no memory for what is kept.
    case noRoom(SessionError)
}

extension LedgerFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .damaged(let file, let offset, let reason): "\(file), byte \(offset): \(reason)"
        case .newer(let file, let version):
            "\(file) has format \(version), which only a newer optimizerd reads"
        case .unreadable(let file, let error): "\(file): \(error)"
        case .noRoom(.overBudget(_, let limit, let asked)):
            "the state takes \(asked) bytes, and so many are not left of the \(limit) for all "
                + "sessions"
        case .noRoom: "the system has no memory for the state"
        case .notCovered: "nothing that is kept leads there"
        }
    }

    /// For whoever asks for the session.
    var sentences: String {
        let advice =
            switch self {
            case .noRoom: "Its files are good, and a start with more room brings it back."
            case .newer, .unreadable: "Its files may be good, and another start may bring it back."
            case .damaged, .notCovered:
                "The session can be deleted; 'optimizerd check' tells more."
            }
        return "\(self). \(advice)"
    }
}

/// A kept state, by the position of the last record that it contains.
package struct SnapshotReference: Hashable, Sendable {
    package let position: Int
    package let step: Int
}
