import HTTP1
import SystemIO

@testable import HTTPServer

/// Computes a connection's deadline once more, from what it waits for and what it has moved
/// between two rests of its loop.
struct DeadlineWatch {
    private struct Sight {
        var kind: ConnectionDeadline?
        var request: UInt64 = 0
        var progress = PhaseDeadline.Progress()
        var due: Instant?
        var takenByClient = 0
        /// Bytes that the client must have taken before it has any of the present response.
        var bytesBeforeResponse: UInt64?
    }

    private let configuration: ServerConfiguration
    private var last = Sight()
    /// As they were when the present span began, or earlier.
    private var receivedBefore: UInt64 = 0
    private var takenBefore = 0
    /// Bytes sent when the present span of a response had begun for sure, and when it had not.
    private var sentSince: UInt64 = 0
    private var sentBefore: UInt64 = 0

    /// Length of `HTTP/1.1 100 Continue` with its two ends of line; it may come before a response.
    private static let continueBytes: UInt64 = 25

    init(_ configuration: ServerConfiguration) {
        self.configuration = configuration
    }

    mutating func fault(
        _ connection: Connection, _ wire: SimulatedWire, _ now: Instant, _ isForsaken: Bool
    ) -> String? {
        var sight = Sight()
        sight.kind = connection.machine.deadline
        sight.request = connection.serial
        sight.progress = connection.progress
        sight.due = connection.deadline.due
        sight.takenByClient = wire.takenByClient
        sight.bytesBeforeResponse = connection.request?.bytesOutBefore
        let slot = Int(connection.token.slot)
        let wanted = connection.set.deadlines.wanted(for: slot)
        if wire.isClosed {
            if wanted != nil { return "a deadline outlives its connection" }
            return isForsaken ? nil : prematureEnd(sight, now)
        }
        if wanted != sight.due { return "the queue has another deadline" }
        let expected = expected(sight, now)
        if !expected.contains(sight.due) {
            let spans = expected.map { Self.span(now, $0) }
            return "due \(Self.span(now, sight.due)) instead of \(spans)"
        }
        note(sight)
        return nil
    }

    private mutating func note(_ sight: Sight) {
        if sight.due != last.due {
            receivedBefore = last.progress.received
            sentSince = sight.progress.sent
            sentBefore = last.progress.sent
        }
        if sight.kind != last.kind || sight.request != last.request {
            takenBefore = last.takenByClient
        } else if sight.due != last.due, sight.progress.sent == last.progress.sent {
            takenBefore = sight.takenByClient
        }
        last = sight
    }

    /// Mostly one; none if the deadline was to cut the connection off.
    private func expected(_ sight: Sight, _ now: Instant) -> [Instant?] {
        guard let kind = sight.kind else { return [nil] }
        let fresh = now + limit(kind, sight.request)
        guard kind == last.kind, sight.request == last.request, let due = last.due else {
            return [fresh]
        }
        let hasSent = sight.progress.sent > last.progress.sent
        switch kind {
        case .write where hasSent: return afterSending(sight, due, fresh)
        // A response may have gone between a body and the discarding of its rest.
        case .body where hasSent: return [due, fresh]
        case _ where due > now: return [due]
        case .body where sight.progress.received - receivedBefore >= bodyWindowBytes:
            return [fresh]
        case .write where UInt64(sight.takenByClient - takenBefore) >= writeBytes: return [fresh]
        default: return []
        }
    }

    /// The span began between two sights, so in between it is not known whether enough was sent.
    private func afterSending(_ sight: Sight, _ due: Instant, _ fresh: Instant) -> [Instant?] {
        if sight.progress.sent - sentSince >= writeBytes { return [fresh] }
        return sight.progress.sent - sentBefore < writeBytes ? [due] : [due, fresh]
    }

    private static func span(_ now: Instant, _ due: Instant?) -> String {
        due.map { "in \($0 - now)" } ?? "never"
    }

    private func limit(_ kind: ConnectionDeadline, _ request: UInt64) -> Duration {
        switch kind {
        case .idle where request == 0: configuration.headDeadline
        case .idle: configuration.idleTimeout
        case .head: configuration.headDeadline
        case .body: configuration.bodyRateWindow
        case .write: configuration.writeProgressDeadline
        case .linger: configuration.lingerDeadline
        }
    }

    private var bodyWindowBytes: UInt64 { bytes(within: configuration.bodyRateWindow) }
    private var writeBytes: UInt64 { bytes(within: configuration.writeProgressDeadline) }

    private func bytes(within span: Duration) -> UInt64 {
        UInt64(configuration.bodyRateBytesPerSecond) * UInt64(span.components.seconds)
    }

    /// A client that takes its response at the rate of bodies in each span is not cut off.
    private func prematureEnd(_ sight: Sight, _ now: Instant) -> String? {
        guard last.kind == .write, let due = last.due, due <= now,
            let before = last.bytesBeforeResponse,
            UInt64(sight.takenByClient)
                >= max(UInt64(takenBefore), before + Self.continueBytes) + writeBytes
        else { return nil }
        return "is cut off while its client reads"
    }
}
