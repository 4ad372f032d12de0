import HTTPServer
import SystemIO

/// Passes a body on to its receiver and takes its fingerprint on the way.
final class FingerprintedBody: BodyReceiver {
    private let receiver: any BodyReceiver
    private let fingerprint: RequestFingerprint
    private var buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    init(_ receiver: any BodyReceiver, _ fingerprint: RequestFingerprint) {
        self.receiver = receiver
        self.fingerprint = fingerprint
    }

    func nextBuffer() -> UnsafeMutableRawBufferPointer {
        buffer = receiver.nextBuffer()
        return buffer
    }

    func received(_ count: Int) -> Response? {
        fingerprint.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        return receiver.received(count)
    }

    func overflowed() -> Response { receiver.overflowed() }

    func complete(_ responder: Responder) { receiver.complete(responder) }

    func cancelled() { receiver.cancelled() }
}

/// Receives a body of which only the fingerprint matters, because its key is known already.
final class DiscardedBody: BodyReceiver {
    private let exchange: Exchange
    private let window: Slab
    private let limitBytes: Int
    private let completion: (Responder) -> Void
    private var receivedBytes = 0

    static let windowBytes = 64 << 10

    init(
        _ exchange: Exchange, _ rooms: ServiceRooms,
        completion: @escaping (Responder) -> Void
    ) throws(Problem) {
        self.exchange = exchange
        limitBytes = rooms.limits.bodyBytes
        window = try rooms.bodies.take(orProblem: DiscardedBody.windowBytes)
        self.completion = completion
    }

    func nextBuffer() -> UnsafeMutableRawBufferPointer {
        let room = min(window.byteCount, limitBytes - receivedBytes)
        return UnsafeMutableRawBufferPointer(rebasing: window.bytes[..<room])
    }

    func received(_ count: Int) -> Response? {
        receivedBytes += count
        return nil
    }

    func overflowed() -> Response {
        exchange.response(Problem.bodyTooLarge(limit: limitBytes))
    }

    func complete(_ responder: Responder) { completion(responder) }

    func cancelled() {}
}
