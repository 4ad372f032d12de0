import HTTP1
import HTTPServer
import SystemIO

/// Receives a small body whole.
final class TextBody: BodyReceiver {
    private let exchange: Exchange
    private let limitBytes: Int
    private let completion: (UnsafeRawBufferPointer, Responder) -> Void
    private let slab: Slab
    private var filled = 0

    /// - Parameter completion: gets the body's bytes, which are there until it returns.
    init(
        _ exchange: Exchange, limitBytes: Int, pool: SlabPool,
        completion: @escaping (UnsafeRawBufferPointer, Responder) -> Void
    ) throws(Problem) {
        self.exchange = exchange
        self.limitBytes = limitBytes
        self.completion = completion
        let length = exchange.head.contentLength.map { Int(clamping: $0) } ?? limitBytes
        slab = try pool.take(orProblem: min(limitBytes, length))
    }

    func nextBuffer() -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: slab.bytes[filled...])
    }

    func received(_ count: Int) -> Response? {
        filled += count
        return nil
    }

    func overflowed() -> Response { exchange.response(Problem.bodyTooLarge(limit: limitBytes)) }

    func complete(_ responder: Responder) {
        completion(UnsafeRawBufferPointer(rebasing: slab.bytes[..<filled]), responder)
    }

    func cancelled() {}
}
