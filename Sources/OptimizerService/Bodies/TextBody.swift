import HTTPServer

/// Receives a small body whole.
final class TextBody: BodyReceiver {
    private let exchange: Exchange
    private let limitBytes: Int
    private let completion: ([UInt8], Responder) -> Void
    private var bytes: [UInt8] = []
    private let window: UnsafeMutableRawBufferPointer

    init(
        _ exchange: Exchange, limitBytes: Int,
        completion: @escaping ([UInt8], Responder) -> Void
    ) {
        self.exchange = exchange
        self.limitBytes = limitBytes
        self.completion = completion
        window = .allocate(byteCount: min(limitBytes, 8 << 10), alignment: 1)
    }

    deinit { window.deallocate() }

    func nextBuffer() -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            rebasing: window[..<min(window.count, limitBytes - bytes.count)])
    }

    func received(_ count: Int) -> Response? {
        bytes.append(contentsOf: window[..<count])
        return nil
    }

    func overflowed() -> Response { exchange.response(Problem.bodyTooLarge(limit: limitBytes)) }

    func complete(_ responder: Responder) { completion(bytes, responder) }

    func cancelled() {}
}
