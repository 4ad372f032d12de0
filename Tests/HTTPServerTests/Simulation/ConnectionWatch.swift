import HTTP1
import SystemIO

@testable import HTTPServer

/// What must hold of one connection whenever its loop rests, seen from inside it and on its wire.
struct ConnectionWatch {
    /// Held beyond its end, to see what it still holds then.
    let connection: Connection
    private let wire: SimulatedWire
    private let configuration: ServerConfiguration
    private var deadline: DeadlineWatch
    private var lingersSince: Instant?
    private var wasClosed = false

    /// One call more than the limit is what a connection may drain.
    private static let scratchBytes = 64 * 1024

    init(_ connection: Connection, wire: SimulatedWire, _ configuration: ServerConfiguration) {
        self.connection = connection
        self.wire = wire
        self.configuration = configuration
        deadline = DeadlineWatch(configuration)
    }

    /// - Parameter isForsaken: its client has broken off or the server drains, so that it may end
    ///   at any time.
    mutating func faults(at now: Instant, isForsaken: Bool) -> [String] {
        guard !wasClosed else { return [] }
        wasClosed = wire.isClosed
        let found = [
            memoryFault, oversightFault, lingerFault(now, isForsaken),
            deadline.fault(connection, wire, now, isForsaken),
        ]
        return found.compactMap { fault in
            fault.map { "\(connection.token.slot) \(connection.machine.state): \($0)" }
        }
    }

    /// A connection holds a window only while there are bytes in it, and nothing after its end.
    private var memoryFault: String? {
        if connection.window.isEmpty, !connection.window.room.isEmpty {
            return "an empty window is kept"
        }
        guard wire.isClosed else { return nil }
        if !connection.window.isEmpty { return "a window is kept after the end" }
        let isFree =
            connection.request == nil && connection.receiver == nil && connection.reply == nil
        return isFree ? nil : "a request outlives its connection"
    }

    /// Readiness is reported once: whoever leaves bytes or room must not wait for a report of it.
    private var oversightFault: String? {
        guard !wire.isClosed, !wire.hasPendingEvent else { return nil }
        switch connection.machine.state {
        case .idle, .readingHead, .receiving, .discarding, .lingering:
            if wire.waitsToBeRead { return "what has arrived is not read" }
        case .sending:
            if wire.waitsToBeWritten { return "what could be written is not" }
        case .awaitingResponse:
            if wire.isReset { return "a reset goes unnoticed" }
        case .deciding, .closed: return "is left in the middle of a turn"
        }
        let hasRequest = connection.machine.state == .idle && !connection.window.isEmpty
        return hasRequest ? "a request in the window is not begun" : nil
    }

    /// After its last answer a connection drains what still comes, up to a limit in bytes and one
    /// in time, and goes at once when it reaches one of them, but not before.
    private mutating func lingerFault(_ now: Instant, _ isForsaken: Bool) -> String? {
        guard wire.serverHasEnded else { return nil }
        let since = lingersSince ?? now
        lingersSince = since
        let drained = wire.takenAfterServerEnded
        if drained > configuration.lingerBytes + Self.scratchBytes {
            return "drains \(drained) bytes"
        }
        let isOver = drained > configuration.lingerBytes
            || now >= since + configuration.lingerDeadline || wire.clientHasEnded || wire.isReset
        if isOver, !wire.isClosed { return "lingers beyond its limits" }
        if !isOver, wire.isClosed, !isForsaken { return "closes before the client has" }
        return nil
    }
}
