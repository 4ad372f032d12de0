import Dispatch
import Glibc
import Synchronization
import SystemIO

/// Connections that ask for a session's parameters and read the answer at 2 KiB/s, driven by a
/// thread of their own. An answer is longer than what the sockets hold, so that the service keeps
/// the rest of it. In place of a connection that the service cuts another one asks.
final class SlowReaders: Sendable {
    /// Of the session that is read: 8 MiB, which takes an hour. Linux holds 4 of them for a
    /// connection by default (tcp_wmem), the service the rest.
    static let parameters = 1 << 21

    private struct State {
        var bytes = 0
        var cuts = 0
        var failure: (any Error)?
        var isStopped = false
    }

    private let count: Int
    private let state = Mutex(State())
    private let begun = DispatchSemaphore(value: 0)
    private let thread = Mutex<WorkerThread?>(nil)

    private static let ticksPerSecond = 8
    static let bytesPerTick = 2048 / ticksPerSecond
    /// 64 a second. The service refuses when more than 64 requests wait for a session, and each
    /// of these has it copy 8 MiB.
    private static let connectsPerTick = 8

    init(_ endpoint: Endpoint, path: String, count: Int) throws {
        self.count = count
        let fields = "Host: \(endpoint.authority)\r\nAccept: application/octet-stream\r\n"
        let request = "GET \(path) HTTP/1.1\r\n\(fields)\r\n"
        let thread = try WorkerThread(name: "slow readers") { [self] in
            run { try SlowReader(endpoint, Array(request.utf8)) }
        }
        self.thread.withLock { $0 = thread }
    }

    /// Returns when all have asked and have begun to read.
    func awaitBegin() throws {
        begun.wait()
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// - Returns: a line about what they did.
    func stop() throws -> String {
        cancel()
        let state = state.withLock { $0 }
        if let failure = state.failure { throw failure }
        return "slow readers \(count), which read \(state.bytes) bytes and were cut "
            + "\(state.cuts) times"
    }

    func cancel() {
        state.withLock { $0.isStopped = true }
        thread.withLock { $0 }?.join()
    }

    private func run(_ connect: () throws -> SlowReader) {
        do {
            var readers: [SlowReader] = []
            var haveBegun = false
            while !state.withLock({ $0.isStopped }) {
                let missing = min(count - readers.count, Self.connectsPerTick)
                for _ in 0..<missing { readers.append(try connect()) }
                try tick(&readers)
                usleep(UInt32(1_000_000 / Self.ticksPerSecond))
                if !haveBegun, readers.count == count {
                    haveBegun = true
                    begun.signal()
                }
            }
        } catch {
            state.withLock { $0.failure = error }
            begun.signal()
        }
    }

    private func tick(_ readers: inout [SlowReader]) throws {
        var (bytes, cuts) = (0, 0)
        try readers.removeAll { reader in
            switch try reader.tick() {
            case .read(let count):
                bytes += count
                return false
            case .cut:
                cuts += 1
                return true
            }
        }
        state.withLock { state in
            state.bytes += bytes
            state.cuts += cuts
        }
    }
}

private final class SlowReader {
    enum Progress {
        case read(Int)
        case cut
    }

    private let socket: StreamSocket
    /// What of the request has not been sent.
    private var unsent: ArraySlice<UInt8>
    private var isAnswered = false

    init(_ endpoint: Endpoint, _ request: [UInt8]) throws {
        socket = try StreamSocket(connectingTo: endpoint.address)
        unsent = request[...]
    }

    func tick() throws -> Progress {
        if !unsent.isEmpty {
            switch unsent.withUnsafeBytes({ socket.send($0) }) {
            case .bytes(let count): unsent = unsent.dropFirst(count)
            case .wouldBlock: break
            case .endOfStream, .failed: return .cut
            }
        }
        return try withUnsafeTemporaryAllocation(
            byteCount: SlowReaders.bytesPerTick, alignment: 1
        ) { buffer in
            switch socket.receive(into: buffer) {
            case .bytes(let count):
                try check(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                return .read(count)
            case .wouldBlock: return .read(0)
            case .endOfStream, .failed: return .cut
            }
        }
    }

    /// An answer that is no success is an error of the measurement, not something to read slowly.
    private func check(_ bytes: UnsafeRawBufferPointer) throws {
        guard !isAnswered else { return }
        isAnswered = true
        guard bytes.starts(with: "HTTP/1.1 200 ".utf8) else {
            let text = String(decoding: bytes, as: UTF8.self)
            throw LoadFailure(description: "a slow reader was answered \(text)")
        }
    }
}
