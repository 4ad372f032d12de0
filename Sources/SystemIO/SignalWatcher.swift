import CLinux
import Glibc

package enum ProcessSignal: Int32, Sendable, CaseIterable {
    case hangup = 1
    case interrupt = 2
    case user1 = 10
    case user2 = 12
    case brokenPipe = 13
    case terminate = 15

    /// From now on the signal does nothing, in the whole process.
    package func ignore() throws(Errno) {
        try check(.signalAction) { clinux_ignore_signal(rawValue) }
    }
}

/// Calls a closure, on a thread of its own, for each arrival of some signals.
///
/// The handler itself only writes a byte into a pipe, which is all that signal-safety(7) leaves
/// to do; it does not matter which thread the signal interrupts. A signal is watched by one
/// watcher at a time; when the watcher goes, the signals get their default actions back.
package final class SignalWatcher: Sendable {
    private let signals: [ProcessSignal]
    private let writeEnd: Descriptor
    private let thread: WorkerThread

    package init(
        _ signals: [ProcessSignal], onSignal: @escaping @Sendable (ProcessSignal) -> Void
    ) throws(Errno) {
        var ends: (Int32, Int32) = (-1, -1)
        try check(.pipe) {
            withUnsafeMutableBytes(of: &ends) { bytes in
                clinux_pipe(bytes.bindMemory(to: Int32.self).baseAddress)
            }
        }
        let readEnd = Descriptor(owning: ends.0)
        let writeEnd = Descriptor(owning: ends.1)
        try check(.setNonblocking) { clinux_set_nonblocking(writeEnd.number) }

        let source = SignalSource(readEnd: readEnd)
        let thread = try WorkerThread(name: "signals") {
            while let signal = source.next() { onSignal(signal) }
        }
        for signal in signals {
            try check(.signalAction) { clinux_forward_signal(signal.rawValue, writeEnd.number) }
        }
        self.signals = signals
        self.writeEnd = writeEnd
        self.thread = thread
    }

    deinit {
        // Restoring cannot fail for signals that could be watched. The thread ends when the
        // write end closes with this object.
        for signal in signals { _ = clinux_restore_signal(signal.rawValue) }
    }
}

/// The pipe's read end, which the thread owns.
private final class SignalSource: Sendable {
    private let readEnd: Descriptor

    init(readEnd: consuming Descriptor) {
        self.readEnd = readEnd
    }

    /// Waits for the next signal; nil when the watcher is gone.
    func next() -> ProcessSignal? {
        var byte: UInt8 = 0
        while true {
            let answer = transfer(.read, on: readEnd.number) {
                Glibc.read(readEnd.number, &byte, 1)
            }
            guard case .bytes(1) = answer else { return nil }
            if let signal = ProcessSignal(rawValue: Int32(byte)) { return signal }
        }
    }
}
