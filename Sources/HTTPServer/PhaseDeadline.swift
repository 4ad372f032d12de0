import HTTP1
import SystemIO

/// Which instant cuts a connection off, as a pure function of what it waits for, the bytes it has
/// moved, and the time.
package struct PhaseDeadline: Sendable {
    package struct Limits: Sendable {
        package var head: UInt64
        package var idle: UInt64
        package var write: UInt64
        /// A peer must take `writeBytes` of a response, or its rest, within each span of `write`:
        /// one that takes a byte now and then would hold what the response holds for as long as it
        /// likes.
        package var writeBytes: UInt64
        package var linger: UInt64
        /// A body must bring `bodyWindowBytes` within each window of `bodyWindow`.
        package var bodyWindow: UInt64
        package var bodyWindowBytes: UInt64

        package init(_ configuration: ServerConfiguration) {
            head = Self.nanoseconds(configuration.headDeadline)
            idle = Self.nanoseconds(configuration.idleTimeout)
            write = Self.nanoseconds(configuration.writeProgressDeadline)
            linger = Self.nanoseconds(configuration.lingerDeadline)
            bodyWindow = Self.nanoseconds(configuration.bodyRateWindow)
            bodyWindowBytes = Self.bytes(configuration.bodyRateBytesPerSecond, within: bodyWindow)
            writeBytes = max(1, Self.bytes(configuration.bodyRateBytesPerSecond, within: write))
        }

        private static func bytes(_ perSecond: Int, within nanoseconds: UInt64) -> UInt64 {
            let product = UInt64(max(0, perSecond)).multipliedFullWidth(by: nanoseconds)
            return product.high < 1_000_000_000
                ? UInt64(1_000_000_000).dividingFullWidth(product).quotient : .max
        }

        private static func nanoseconds(_ duration: Duration) -> UInt64 {
            UInt64(max(0, duration.wholeNanoseconds))
        }
    }

    /// Bytes moved so far, over the connection's life.
    package struct Progress: Sendable {
        package var received: UInt64 = 0
        package var sent: UInt64 = 0

        package init(received: UInt64 = 0, sent: UInt64 = 0) {
            self.received = received
            self.sent = sent
        }
    }

    private let limits: Limits
    private var kind: ConnectionDeadline?
    private var request: UInt64 = 0
    /// The progress that the present span is measured from.
    private var mark: UInt64 = 0
    /// Of all bytes sent, those that the peer is known to have taken.
    private var taken: UInt64 = 0
    package private(set) var due: Instant?

    package init(limits: Limits) {
        self.limits = limits
    }

    /// Called after each piece of work: what the connection waits for now. `request` counts its
    /// requests, so that a wait for the next one is told from the wait before; the first wait, for
    /// request 0, is bounded like a head.
    ///
    /// - Returns: the deadline, nil when nothing runs.
    package mutating func update(
        _ kind: ConnectionDeadline?, request: UInt64, _ progress: Progress, _ now: Instant
    ) -> Instant? {
        let isSame = kind == self.kind && request == self.request
        // What was sent before a response is taken for taken, so that only its own bytes count.
        if kind != .write { taken = progress.sent }
        self.kind = kind
        self.request = request
        switch kind {
        case nil: due = nil
        case .write where !isSame || progress.sent - mark >= limits.writeBytes:
            mark = progress.sent
            due = now.advanced(byNanoseconds: limits.write)
        case _ where isSame: break
        case .idle:
            due = now.advanced(byNanoseconds: request == 0 ? limits.head : limits.idle)
        case .head: due = now.advanced(byNanoseconds: limits.head)
        case .body:
            mark = progress.received
            due = now.advanced(byNanoseconds: limits.bodyWindow)
        case .write: due = now.advanced(byNanoseconds: limits.write)
        case .linger: due = now.advanced(byNanoseconds: limits.linger)
        }
        return due
    }

    package enum Verdict: Sendable, Equatable {
        case passed
        case extended(Instant)
    }

    /// The deadline has been reached. A body that kept its rate gets another window, and so does a
    /// peer that took enough of the response: the socket's buffer holds megabytes, and room in it
    /// is reported long after the first of them are gone.
    ///
    /// - Parameter untaken: bytes sent that the peer has not taken yet, nil if nobody knows.
    package mutating func reached(
        _ progress: Progress, untaken: UInt64?, _ now: Instant
    ) -> Verdict {
        switch kind {
        case .body where progress.received - mark >= limits.bodyWindowBytes:
            mark = progress.received
            return extend(now.advanced(byNanoseconds: limits.bodyWindow))
        case .write:
            guard let untaken, untaken <= progress.sent else { return .passed }
            let known = progress.sent - untaken
            guard known > taken, known - taken >= limits.writeBytes else { return .passed }
            taken = known
            return extend(now.advanced(byNanoseconds: limits.write))
        default:
            return .passed
        }
    }

    private mutating func extend(_ next: Instant) -> Verdict {
        due = next
        return .extended(next)
    }
}
