import HTTPServer
import SystemIO
import TensorFormats

/// Receives a safetensors file: the header first, then every tensor straight to its place.
final class SafetensorsBody: BodyReceiver {
    /// Where the tensors of a header go.
    struct Placement {
        let slab: Slab
        /// One address an entry, in the file's data order; all within `slab`.
        let destinations: [UnsafeMutableRawPointer]
    }

    private let exchange: Exchange
    private var reader: SafetensorsReader
    private let place: (SafetensorsHeader) throws(Problem) -> Placement
    private let completion: (SafetensorsHeader, Slab, Responder) -> Void
    private var placed: (header: SafetensorsHeader, slab: Slab)?

    /// - Parameters:
    ///   - place: judges the header and finds room for its tensors.
    ///   - completion: is called when every byte lies where `place` said.
    init(
        _ exchange: Exchange, limits: FormatLimits,
        place: @escaping (SafetensorsHeader) throws(Problem) -> Placement,
        completion: @escaping (SafetensorsHeader, Slab, Responder) -> Void
    ) {
        self.exchange = exchange
        self.place = place
        self.completion = completion
        var length: UInt64?
        if case .length(let count) = exchange.head.framing { length = count }
        reader = SafetensorsReader(limits: limits, contentLength: length)
    }

    func nextBuffer() -> UnsafeMutableRawBufferPointer { reader.nextBuffer() }

    func received(_ count: Int) -> Response? {
        do {
            guard case .header(let header) = try advance(count) else { return nil }
            let placement = try place(header)
            placed = (header, placement.slab)
            _ = reader.place(placement.destinations)
            return nil
        } catch {
            return exchange.response(error)
        }
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
        guard let placed else {
            // `finish` accepts no file without a header, and every header was placed.
            return responder.send(
                exchange.response(Problem(.internalError, "The header was never placed.")))
        }
        completion(placed.header, placed.slab, responder)
    }

    func cancelled() {}
}
