import Foundation
import SystemIO

@testable import OptimizerSessions

/// A directory of its own for one test, which goes with the object.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        let base = FileManager.default.temporaryDirectory.path
        path = "\(base)/optimizerd-\(UUID().uuidString)"
        try Directory.create(path)
    }

    /// A copy of everything in another.
    init(copying other: TemporaryDirectory) throws {
        let base = FileManager.default.temporaryDirectory.path
        path = "\(base)/optimizerd-\(UUID().uuidString)"
        try FileManager.default.copyItem(atPath: other.path, toPath: path)
    }

    deinit {
        // An archive's thread may still be removing or writing something in it.
        for _ in 0..<200 where Directory.exists(path) {
            do {
                try FileManager.default.removeItem(atPath: path)
            } catch {
                usleep(5000)
            }
        }
    }

    /// Names below `directory`, sorted.
    func names(_ directory: String = "") throws -> [String] {
        try Directory.names(in: directory.isEmpty ? path : "\(path)/\(directory)")
    }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    /// Files below it that this process has open whose names hold `part`.
    func openFileCount(_ part: String) throws -> Int {
        try Directory.names(in: "/proc/self/fd").count { number in
            // A descriptor of another test may have been closed since its number was read.
            let target = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/self/fd/\(number)")
            return target.map { $0.hasPrefix(path) && $0.contains(part) } ?? false
        }
    }
}

extension TemporaryDirectory {
    /// Claims it as a data directory. The world before may be gone while a thread of its archive
    /// still lets go of it; that takes no more than a moment.
    func claim() throws -> DataDirectory {
        for _ in 0..<1000 {
            do {
                return try DataDirectory(path)
            } catch DataDirectoryFault.inUse {
                usleep(10_000)
            }
        }
        return try DataDirectory(path)
    }

    /// Changes the bytes of a file in place.
    func damage(_ name: String, _ change: (inout [UInt8]) -> Void) throws {
        var bytes = try bytes(name)
        change(&bytes)
        try write(bytes, to: name)
    }

    /// Paths from the data directory of a session's files whose names begin so.
    func files(of session: String, _ prefix: String, generation: Int = 1) throws -> [String] {
        let folder = "sessions/\(session)@\(generation)"
        return try names(folder).filter { $0.hasPrefix(prefix) }.map { "\(folder)/\($0)" }
    }
}

/// One ledger on a directory of its own, written from the test's thread: the desk's thread has no
/// part in it unless a test asks for it.
final class LedgerBench: Sendable {
    let directory: TemporaryDirectory
    let archive: Archive
    let events = Collected<ArchiveEvent>()

    init(_ directory: TemporaryDirectory? = nil) throws {
        self.directory = try directory ?? TemporaryDirectory()
        archive = try Archive(DataDirectory(self.directory.path)) { [events] in events.add($0) }
    }

    func begin(_ session: String = "run", _ generation: Int = 1) throws -> LedgerPlace {
        try archive.directory.begin(session, firstGeneration: generation, with: .rubbish(at: 0))
    }

    /// - Parameter large: one whose records pass by the page cache where the file system has that.
    func ledger(_ place: LedgerPlace, large: Bool = false) throws -> FileLedger {
        let end = try LogWalk(place).replay(after: 0) { _ in true }
        return FileLedger(
            place, archive: archive, payloadBytes: large ? Archive.largeRecordBytes : 8,
            tail: end?.tail ?? LogTail(head: 0, segment: nil))
    }

    func positions(_ place: LedgerPlace, after position: Int = 0) throws -> [Int] {
        var positions: [Int] = []
        _ = try LogWalk(place).replay(after: position) { record in
            positions.append(record.position)
            return true
        }
        return positions
    }

    func store(
        _ image: SnapshotImage, in ledger: FileLedger, retainedSteps: Int = 0
    ) -> Result<Void, LedgerFailure> {
        let answers = Collected<Result<Void, LedgerFailure>>()
        ledger.store(image, retainedSteps: retainedSteps) { answers.add($0) }
        waitForDesks()
        return answers.wait(for: 1)[0]
    }

    /// Returns when the desks have done what they were asked to before.
    func waitForDesks() {
        let done = Collected<Void>()
        archive.smallRecords.perform { done.add(()) }
        archive.largeRecords.perform { done.add(()) }
        _ = done.wait(for: 2)
    }
}

extension SnapshotImage {
    /// For tests of where snapshots are kept, which do not look into them.
    static func rubbish(at position: Int, step: Int? = nil) -> SnapshotImage {
        SnapshotImage(
            position: position, step: step ?? position, front: [.bytes([1, 2, 3])],
            account: .bytes([UInt8](repeating: 4, count: 5000)))
    }
}

extension LedgerRecord {
    static func sample(_ position: Int, payloadBytes: Int = 24) throws -> LedgerRecord {
        let slab = try Slab(byteCount: payloadBytes, zeroed: true)
        for index in 0..<payloadBytes { slab.bytes[index] = UInt8((index + position) % 251) }
        return LedgerRecord(
            .step, position: position, tag: SessionTag(generation: 1, step: position),
            time: WallTime(seconds: Int64(position)), detail: [1, 2, 3],
            payload: LedgerPayload(slab, byteCount: payloadBytes))
    }
}

extension FileLedger {
    /// Writes and syncs the records at these positions, on this thread.
    func take(_ positions: ClosedRange<Int>, payloadBytes: Int = 24) throws {
        for position in positions {
            try write(.sample(position, payloadBytes: payloadBytes), after: position - 1)
            try sync()
        }
    }
}
