import HTTPServer
import SystemIO
import TensorFormats

/// Receives a JSON document with tensors: numbers are decoded window by window into the sink's
/// memory, so that neither the text nor a tree of it is ever held whole.
final class TensorDocumentBody: BodyReceiver {
    private let exchange: Exchange
    private let window: Slab
    private let limitBytes: Int
    private var reader: TensorDocumentReader
    private let completion: ([JSONMember], Responder) -> Void
    private var receivedBytes = 0

    /// 64 KiB of JSON numbers take well under a tenth of a millisecond to decode, which is how
    /// long other connections of the loop wait for it.
    static let windowBytes = 64 << 10

    /// - Parameters:
    ///   - member: the document's member that holds the tensors.
    ///   - completion: gets the document's other members when the whole of it was read.
    init(
        _ exchange: Exchange, member: String, sink: any TensorSink, window: Slab,
        limits: FormatLimits, limitBytes: Int,
        completion: @escaping ([JSONMember], Responder) -> Void
    ) {
        self.exchange = exchange
        self.window = window
        self.limitBytes = limitBytes
        self.completion = completion
        reader = TensorDocumentReader(tensorMember: member, sink: sink, limits: limits)
    }

    func nextBuffer() -> UnsafeMutableRawBufferPointer {
        let room = min(window.byteCount, limitBytes - receivedBytes)
        return UnsafeMutableRawBufferPointer(rebasing: window.bytes[..<room])
    }

    func received(_ count: Int) -> Response? {
        receivedBytes += count
        do {
            try reader.consume(UnsafeRawBufferPointer(rebasing: window.bytes[..<count]))
            return nil
        } catch {
            return exchange.response(Problem(error))
        }
    }

    func overflowed() -> Response {
        exchange.response(Problem.bodyTooLarge(limit: limitBytes))
    }

    func complete(_ responder: Responder) {
        let members: [JSONMember]
        do {
            members = try reader.finish()
        } catch {
            return responder.send(exchange.response(Problem(error)))
        }
        completion(members, responder)
    }

    func cancelled() {}
}
