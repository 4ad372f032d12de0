import HTTPServer
import SystemIO

/// Receives a raw body: the whole layout as one little-endian vector, straight into its slab.
final class VectorBody: BodyReceiver {
    private let exchange: Exchange
    private let slab: Slab
    private let completion: (Slab, Responder) -> Void
    private var filled = 0

    /// - Parameter slab: exactly as large as the body has to be.
    init(
        _ exchange: Exchange, into slab: Slab,
        completion: @escaping (Slab, Responder) -> Void
    ) {
        self.exchange = exchange
        self.slab = slab
        self.completion = completion
    }

    func nextBuffer() -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: slab.bytes[filled...])
    }

    func received(_ count: Int) -> Response? {
        filled += count
        return nil
    }

    func overflowed() -> Response {
        exchange.response(
            Problem(
                .shapeMismatch, at: "",
                "The body is longer than the layout's \(slab.byteCount) bytes."
            ).with("expected", slab.byteCount))
    }

    func complete(_ responder: Responder) {
        guard filled == slab.byteCount else {
            let problem = VectorBody.wrongLength(expected: slab.byteCount, actual: filled)
            return responder.send(exchange.response(problem))
        }
        completion(slab, responder)
    }

    func cancelled() {}

    static func wrongLength(expected: Int, actual: Int) -> Problem {
        Problem(
            .shapeMismatch, at: "",
            "The layout takes \(expected) bytes, the body has \(actual)."
        ).with("expected", expected).with("actual", actual)
    }
}
