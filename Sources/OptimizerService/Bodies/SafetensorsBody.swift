import HTTPServer
import SystemIO
import TensorFormats

/// Receives a safetensors file: the header first, then every tensor straight to its place.
final class SafetensorsBody: BodyReceiver {
    /// Where the tensors of a header go, and what happens when they are there.
    struct Placement {
        /// `completion` keeps this memory.
        let slab: Slab
        let runs: [DataRun]
        let completion: (Responder) -> Void
    }

    private let exchange: Exchange
    private var reader: SafetensorsReader
    private let place: (SafetensorsHeader) throws(Problem) -> Placement
    private let limitBytes: Int
    private let bodies: SlabPool
    /// For the header, while it comes and as it was read.
    private var memory: Reservation?
    private var receivedBytes = 0
    private var completion: ((Responder) -> Void)?

    /// A header of many short entries becomes descriptions, names and sizes of at most some five
    /// times its length.
    private static let bytesPerHeaderByte = 6

    /// - Parameters:
    ///   - formats: in place of the rooms' own limits of formats.
    ///   - recall: what may be known again of the tensors.
    ///   - place: judges the header and finds room for its tensors.
    init(
        _ exchange: Exchange, _ rooms: ServiceRooms, formats: FormatLimits? = nil,
        recall: SafetensorsRecall? = nil,
        place: @escaping (SafetensorsHeader) throws(Problem) -> Placement
    ) {
        self.exchange = exchange
        self.place = place
        limitBytes = rooms.limits.bodyBytes
        bodies = rooms.bodies
        reader = SafetensorsReader(
            limits: formats ?? rooms.formats, contentLength: exchange.head.contentLength,
            recall: recall)
    }

    func nextBuffer() -> UnsafeMutableRawBufferPointer { reader.nextBuffer() }

    func received(_ count: Int) -> Response? {
        do throws(Problem) {
            receivedBytes += count
            switch try advance(count) {
            case .headerLength(let byteCount):
                memory = try bodies.reserve(orProblem: byteCount * Self.bytesPerHeaderByte)
            case .header(let header): try begin(header)
            case .more, .finished: break
            }
            return nil
        } catch {
            return exchange.response(error)
        }
    }

    private func begin(_ header: SafetensorsHeader) throws(Problem) {
        // Also a chunked body is as long as its header says.
        guard header.dataByteCount <= limitBytes - receivedBytes else {
            throw Problem.bodyTooLarge(limit: limitBytes)
        }
        let placement = try place(header)
        completion = placement.completion
        _ = reader.place(at: placement.slab.base, placement.runs)
    }

    private func advance(_ count: Int) throws(Problem) -> SafetensorsReader.Progress {
        do {
            return try reader.advance(count)
        } catch {
            throw Problem(error)
        }
    }

    func overflowed() -> Response {
        exchange.response(Problem(reader.overflow()))
    }

    func complete(_ responder: Responder) {
        do {
            try reader.finish()
        } catch {
            return responder.send(exchange.response(Problem(error)))
        }
        // `finish` accepts no file without a header, and no header goes on without its placement;
        // a responder that nobody answers is answered as the defect that it would be.
        completion?(responder)
    }

    func cancelled() {}
}
