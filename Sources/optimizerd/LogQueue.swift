import Dispatch
import Synchronization
import SystemIO

/// Lines on their way to a stream, written by a thread of their own: whoever reads the stream too
/// slowly, or not at all, delays nobody who logs.
///
/// Lines beyond the limit are dropped and counted, and so are lines that a broken stream did not
/// take; the count is written as soon as there is room again.
final class LogQueue: Sendable {
    /// Lines that wait and lines that are being written, together.
    static let limitBytes = 1 << 20

    private let stream: StandardStream
    private let dropNotice: @Sendable (Int) -> [UInt8]
    private let state = Mutex(LogQueueState())
    private let wakeUp = DispatchSemaphore(value: 0)

    /// The queue and its thread live as long as the process.
    ///
    /// - Parameter dropNotice: the line that says how many lines were dropped.
    init(
        stream: StandardStream, dropNotice: @escaping @Sendable (Int) -> [UInt8]
    ) throws(Errno) {
        self.stream = stream
        self.dropNotice = dropNotice
        _ = try WorkerThread(name: "log") { self.writeForever() }
    }

    /// Takes a line, its line feed included, or drops it. Never waits for the stream.
    func append(_ line: [UInt8]) {
        let wakesWriter = state.withLock { $0.append(line, limitBytes: LogQueue.limitBytes) }
        if wakesWriter { wakeUp.signal() }
    }

    /// Returns when all lines are written, or after `limit`.
    func flush(waitingAtMost limit: DispatchTimeInterval) {
        let written = DispatchSemaphore(value: 0)
        guard state.withLock({ $0.callWhenWritten(written) }) else { return }
        // Lines that nobody takes in that time are lost with the process.
        _ = written.wait(timeout: .now() + limit)
    }

    private func writeForever() {
        while true {
            wakeUp.wait()
            while let batch = state.withLock({ $0.nextBatch() }) { write(batch) }
        }
    }

    private func write(_ batch: LogQueueState.Batch) {
        let notice = batch.droppedLines > 0 ? dropNotice(batch.droppedLines) : []
        let writtenBytes = stream.write(batch.lines)
        let lostLines = batch.lines[writtenBytes...].count { $0 == UInt8(ascii: "\n") }
        let isNoticed = stream.write(notice) == notice.count
        state.withLock { $0.lost(lostLines + (isNoticed ? 0 : batch.droppedLines)) }
    }
}

private struct LogQueueState {
    struct Batch {
        let lines: [UInt8]
        /// Dropped since the last batch.
        let droppedLines: Int
    }

    private enum Writer {
        case asleep
        case writing(byteCount: Int)

        var byteCount: Int {
            switch self {
            case .asleep: 0
            case .writing(let byteCount): byteCount
            }
        }
    }

    private var writer = Writer.asleep
    private var waiting: [UInt8] = []
    /// Lines that found no room.
    private var refusedLines = 0
    /// Lines that the stream did not take. They are told of with the next line that comes:
    /// a broken stream is not tried again for them alone.
    private var lostLines = 0
    private var whenWritten: DispatchSemaphore?

    /// - Returns: whether the writer has to be woken.
    mutating func append(_ line: [UInt8], limitBytes: Int) -> Bool {
        let heldBytes = waiting.count + writer.byteCount
        if line.count <= limitBytes - heldBytes { waiting += line } else { refusedLines += 1 }
        guard case .asleep = writer else { return false }
        writer = .writing(byteCount: 0)
        return true
    }

    /// nil when there is nothing to write; the writer then sleeps.
    mutating func nextBatch() -> Batch? {
        guard !waiting.isEmpty || refusedLines > 0 else {
            writer = .asleep
            whenWritten?.signal()
            whenWritten = nil
            return nil
        }
        let batch = Batch(lines: waiting, droppedLines: refusedLines + lostLines)
        writer = .writing(byteCount: waiting.count)
        waiting = []
        refusedLines = 0
        lostLines = 0
        return batch
    }

    mutating func lost(_ lineCount: Int) { lostLines += lineCount }

    /// - Returns: false when all is written already; `semaphore` is then never signalled.
    mutating func callWhenWritten(_ semaphore: DispatchSemaphore) -> Bool {
        guard case .writing = writer else { return false }
        whenWritten = semaphore
        return true
    }
}
