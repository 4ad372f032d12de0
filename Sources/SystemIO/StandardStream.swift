import Glibc

/// The streams that a process is started with.
package enum StandardStream: Int32, Sendable, CaseIterable {
    case input = 0
    case output = 1
    case error = 2

    /// Connects the streams that the process was started without to /dev/null. Their numbers
    /// would otherwise go to the next sockets, and what is printed to a client.
    package static func openMissing() {
        for stream in allCases where fcntl(stream.rawValue, F_GETFD) < 0 {
            // The lowest free number is given, which in this order is the stream's own. Without
            // a /dev/null there is nothing better to connect it to.
            _ = open("/dev/null", O_RDWR)
        }
    }

    /// Writes everything, however long its reader takes.
    ///
    /// - Returns: how many bytes were written: fewer than given once the stream is broken. The
    ///   process has to ignore `ProcessSignal.brokenPipe`.
    package func write(_ bytes: [UInt8]) -> Int {
        bytes.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
                let answer = transfer(.write, on: rawValue) {
                    Glibc.write(rawValue, rest.baseAddress, rest.count)
                }
                switch answer {
                case .bytes(let count) where count > 0: written += count
                // Streams are shared, and another process may have made this one non-blocking.
                case .wouldBlock: awaitRoom()
                case .bytes, .endOfStream, .failed: return written
                }
            }
            return written
        }
    }

    private func awaitRoom() {
        var stream = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
        // The next write says what is the matter, also when a signal ended this.
        _ = poll(&stream, 1, -1)
    }
}
