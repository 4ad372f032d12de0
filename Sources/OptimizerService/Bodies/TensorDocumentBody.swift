import HTTPServer
import SystemIO
import TensorFormats

/// Receives a JSON document with tensors: numbers are decoded window by window into the sink's
/// memory, so that neither the text nor a tree of it is ever held whole.
final class TensorDocumentBody: BodyReceiver {
    /// What a document holds beside its tensors' numbers.
    struct Content {
        let members: [JSONMember]
        let hasTensors: Bool
    }

    private let exchange: Exchange
    private let window: Slab
    /// For what the reader keeps beside the numbers.
    private let memory: Reservation
    private let limitBytes: Int
    private var reader: TensorDocumentReader
    private let completion: (Content, Responder) -> Void
    private var receivedBytes = 0

    /// 64 KiB of JSON numbers take well under a tenth of a millisecond to decode, which is how
    /// long other connections of the loop wait for it. Where that is shared, four times as much is
    /// received of a long body, and decoded by the writing lanes that are free and the loop.
    static func windowBytes(bodyBytes: UInt64?, isShared: Bool) -> Int {
        isShared && bodyBytes ?? 0 >= longBodyBytes ? 256 << 10 : 64 << 10
    }

    private static let longBodyBytes = 1 << 20

    /// - Parameters:
    ///   - member: the document's member that holds the tensors.
    ///   - isOptional: whether a document may be without it.
    ///   - memory: grows with what is kept of the document beside its tensors' numbers.
    ///   - sharing: of the work on long runs of numbers.
    ///   - completion: is called when the whole document was read.
    init(
        _ exchange: Exchange, member: String, isOptional: Bool, sink: any TensorSink, window: Slab,
        memory: Reservation, limits: FormatLimits, limitBytes: Int, sharing: WorkSharing?,
        completion: @escaping (Content, Responder) -> Void
    ) {
        self.exchange = exchange
        self.window = window
        self.memory = memory
        self.limitBytes = limitBytes
        self.completion = completion
        reader = TensorDocumentReader(
            tensorMember: member, isOptional: isOptional, sink: sink, limits: limits,
            sharing: sharing)
    }

    func nextBuffer() -> UnsafeMutableRawBufferPointer {
        let room = min(window.byteCount, limitBytes - receivedBytes)
        return UnsafeMutableRawBufferPointer(rebasing: window.bytes[..<room])
    }

    func received(_ count: Int) -> Response? {
        receivedBytes += count
        do {
            try reader.consume(UnsafeRawBufferPointer(rebasing: window.bytes[..<count]))
        } catch {
            return exchange.response(Problem(error))
        }
        do {
            try memory.grow(to: reader.heldByteCount)
        } catch {
            return exchange.response(Problem(error, asked: reader.heldByteCount))
        }
        return nil
    }

    func overflowed() -> Response {
        exchange.response(Problem.bodyTooLarge(limit: limitBytes))
    }

    func complete(_ responder: Responder) {
        let content: Content
        do {
            content = Content(members: try reader.finish(), hasTensors: reader.hasTensors)
        } catch {
            return responder.send(exchange.response(Problem(error)))
        }
        completion(content, responder)
    }

    func cancelled() {}
}
