import SeededChance
import SystemIO

@testable import HTTPServer

/// Both ends of one connection: the server's as a transport, the client's as functions. Readiness
/// is reported by edges, as epoll does: bytes that arrive, room that comes back, ends.
final class SimulatedWire: Transport {
    /// Towards the server, and not taken yet.
    private var inbox: [UInt8] = []
    private var inboxStart = 0
    /// Towards the client, and not taken yet.
    private(set) var outbox: [UInt8] = []
    private var capacity: Int
    private var dice: SplitMix
    let isTransparent: Bool

    private(set) var clientHasEnded = false
    private(set) var isReset = false
    private(set) var serverHasEnded = false
    private(set) var isClosed = false
    /// The client has yet to take so much that the server is told that it may send again.
    private var wasFull = false
    private var event = PendingEvent()
    /// All that each end has taken so far.
    private(set) var takenByServer = 0
    private(set) var takenByClient = 0
    private(set) var takenAfterServerEnded = 0

    struct PendingEvent {
        var isReadable = false
        var isWritable = false
        var peerHasEnded = false
        var isBroken = false
        var isEmpty: Bool { !isReadable && !isWritable && !peerHasEnded && !isBroken }
    }

    /// - Parameters:
    ///   - capacity: bytes that the server can send before the client takes any.
    ///   - isTransparent: whether a short transfer means that there is no more, as with plain
    ///     sockets; otherwise transfers are short at any time, as with TLS.
    init(capacity: Int, isTransparent: Bool, dice: SplitMix) {
        self.capacity = capacity
        self.isTransparent = isTransparent
        self.dice = dice
    }

    // MARK: The server's end

    func receive(into room: UnsafeMutableRawBufferPointer) -> IOResult {
        if isReset { return .failed(.connectionReset) }
        if waitsForTheOther() {
            event.isWritable = true
            return .wouldBlock
        }
        let waiting = inbox.count - inboxStart
        guard waiting > 0 else { return clientHasEnded ? .endOfStream : .wouldBlock }
        let most = min(room.count, waiting)
        let count = isTransparent ? most : Int.random(in: 1...most, using: &dice)
        inbox.withUnsafeBytes {
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[inboxStart...].prefix(count)))
        }
        inboxStart += count
        takenByServer += count
        if serverHasEnded { takenAfterServerEnded += count }
        if inboxStart == inbox.count { (inbox, inboxStart) = ([], 0) }
        return .bytes(count)
    }

    func send(_ list: borrowing GatherList) -> IOResult {
        if isReset { return .failed(.brokenPipe) }
        if waitsForTheOther() {
            event.isReadable = true
            return .wouldBlock
        }
        let room = capacity - outbox.count
        guard room > 0 else {
            wasFull = true
            return .wouldBlock
        }
        let most = min(room, list.byteCount)
        let count = isTransparent ? most : Int.random(in: 1...max(1, most), using: &dice)
        var left = count
        for index in 0..<list.count where left > 0 {
            let span = list[index]
            outbox.append(contentsOf: UnsafeRawBufferPointer(rebasing: span.prefix(left)))
            left -= min(left, span.count)
        }
        if outbox.count == capacity { wasFull = true }
        return .bytes(count)
    }

    /// With TLS either direction may wait for the other; the edge that ends it is the other's.
    private func waitsForTheOther() -> Bool {
        !isTransparent && Int.random(in: 0..<12, using: &dice) == 0
    }

    func finishSending() throws(Errno) { serverHasEnded = true }
    func close() { isClosed = true }
    /// Whether the server is still to be told of something.
    var hasPendingEvent: Bool { !event.isEmpty }
    var waitsToBeRead: Bool { inboxStart < inbox.count || clientHasEnded || isReset }
    var waitsToBeWritten: Bool { !wasFull || isReset }

    var untakenBytes: UInt64? { UInt64(outbox.count) }
    var fault: String? { nil }

    // MARK: The client's end

    func arrive(_ bytes: ArraySlice<UInt8>) {
        guard !isReset, !isClosed, !bytes.isEmpty else { return }
        inbox.append(contentsOf: bytes)
        event.isReadable = true
    }

    /// Saves the rounds that a long answer would take over a narrow wire.
    func widen() { capacity = max(capacity, 4 << 20) }

    func take(_ count: Int) -> [UInt8] {
        let taken = Array(outbox.prefix(count))
        outbox.removeFirst(taken.count)
        takenByClient += taken.count
        // As with a socket, whose room is reported when there is some to speak of.
        if wasFull, outbox.count <= capacity - capacity / 3 {
            wasFull = false
            event.isWritable = true
        }
        return taken
    }

    /// FIN: the client sends nothing more.
    func endSending() {
        guard !clientHasEnded else { return }
        clientHasEnded = true
        event.isReadable = true
        event.peerHasEnded = true
    }

    func reset() {
        isReset = true
        inbox = []
        inboxStart = 0
        event.isBroken = true
    }

    /// What epoll would report since it was asked last.
    func takeEvent(_ token: UInt64) -> PollEvent? {
        guard !event.isEmpty, !isClosed else { return nil }
        defer { event = PendingEvent() }
        return PollEvent(
            token: token, isReadable: event.isReadable, isWritable: event.isWritable,
            peerHasEnded: event.peerHasEnded, isBroken: event.isBroken)
    }
}
