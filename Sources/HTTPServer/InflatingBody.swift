import HTTP1
import SystemIO

/// Undoes a body's content coding on its way: compressed bytes come into a small window, and are
/// inflated from there straight into the memory of the receiver behind it, which sees the body as
/// it was before it was coded and bounds its length.
///
/// A kilobyte can stand for a megabyte, so what comes is only kept, and worked off in pieces of
/// bounded size between which the loop turns to others.
///
/// `@unchecked Sendable`: it is confined to the connection's loop.
package final class InflatingBody: BodyReceiver, @unchecked Sendable {
    package struct Bounds: Sendable {
        /// Bytes as they come.
        package var compressedBytes: Int
        /// So much may come of it whatever its length is.
        package var freeBytes: Int
        /// Beyond that at most so many for each byte. Deflate reaches 1032 (zlib.net/zlib_tech).
        package var ratio: Int

        package init(compressedBytes: Int, freeBytes: Int, ratio: Int) {
            self.compressedBytes = compressedBytes
            self.freeBytes = freeBytes
            self.ratio = ratio
        }
    }

    private enum Phase {
        case inflating
        /// The stream is over; what comes now is too much.
        case ended
        /// A refusal was answered.
        case refused
    }

    private let receiver: any BodyReceiver
    private let coding: ContentCoding
    private let bounds: Bounds
    private let refusal: (InflationFault) -> Response
    private let window: Slab
    private let memory: Reservation
    private var phase = Phase.inflating
    /// nil until the first byte is here, and after the stream's end.
    private var inflater: Inflater?
    /// What of the window is not inflated yet.
    private var unread = 0..<0
    /// The last call filled all the room there was, so that more may come of the same bytes.
    private var mayHoldMore = false
    private var compressedBytes = 0
    private var inflatedBytes = 0

    /// Receiving so much takes a few microseconds and inflating it a hundred.
    static let windowBytes = 16 << 10
    /// What is inflated before others have their turn: 160 µs at the 400 MB/s of text.
    static let pieceBytes = 64 << 10
    /// What one body takes of the pool while it comes, beside its receiver's part.
    package static let memoryBytes = windowBytes + Inflater.memoryBytes
    /// What a call counts at least, however little comes of it: some 0.3 µs.
    private static let leastBytes = 256

    /// - Parameters:
    ///   - receiver: gets the inflated body.
    ///   - refusal: the answer to a fault of the coding.
    /// - Throws: when the pool has no room for the window and zlib's memory.
    package init(
        _ receiver: any BodyReceiver, _ coding: ContentCoding, bounds: Bounds, pool: SlabPool,
        refusal: @escaping (InflationFault) -> Response
    ) throws(SlabPoolError) {
        self.receiver = receiver
        self.coding = coding
        self.bounds = bounds
        self.refusal = refusal
        window = try pool.take(Self.windowBytes)
        memory = try pool.reserve(Inflater.memoryBytes)
    }

    package func nextBuffer() -> UnsafeMutableRawBufferPointer {
        let room = min(window.byteCount, bounds.compressedBytes - compressedBytes)
        return UnsafeMutableRawBufferPointer(rebasing: window.bytes[..<room])
    }

    package func received(_ count: Int) -> Response? {
        compressedBytes += count
        unread = 0..<count
        return nil
    }

    package func overflowed() -> Response {
        refuse(.tooLong(limit: bounds.compressedBytes))
    }

    package var hasBacklog: Bool {
        switch phase {
        case .inflating: !unread.isEmpty || mayHoldMore
        case .ended: !unread.isEmpty
        case .refused: false
        }
    }

    package func workOff() -> Response? {
        var budget = Self.pieceBytes
        do throws(InflationFault) {
            while hasBacklog, budget > 0 {
                let (produced, refusal) = try inflate(upTo: budget)
                if let refusal {
                    phase = .refused
                    return refusal
                }
                budget -= max(produced, Self.leastBytes)
            }
            return nil
        } catch {
            return refuse(error)
        }
    }

    /// The last bytes may be worth many pieces yet.
    package func complete(_ responder: Responder) {
        if let refusal = workOff() { return responder.send(refusal) }
        if hasBacklog { return responder.continueLater { self.complete(responder) } }
        switch phase {
        case .inflating: responder.send(refuse(.truncated))
        case .ended: receiver.complete(responder)
        case .refused: break  // Nothing is called after a refusal.
        }
    }

    package func cancelled() { receiver.cancelled() }

    private func refuse(_ fault: InflationFault) -> Response {
        phase = .refused
        receiver.cancelled()
        return refusal(fault)
    }
}

extension InflatingBody {
    /// One call into the receiver's memory; its refusal ends the body.
    private func inflate(
        upTo limit: Int
    ) throws(InflationFault) -> (produced: Int, refusal: Response?) {
        if case .ended = phase {
            throw .trailingBytes(offset: compressedBytes - unread.count)
        }
        let buffer = receiver.nextBuffer()
        guard !buffer.isEmpty else { return try inflateBeyondEnd() }
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, limit)])
        let produced = try advance(into: room)
        guard produced > 0 else { return (0, nil) }
        return (produced, receiver.received(produced))
    }

    /// The receiver has all that it wants. The trailer is still to come, which yields no bytes;
    /// one byte more is one too many.
    private func inflateBeyondEnd() throws(InflationFault) -> (produced: Int, refusal: Response?) {
        var surplus: UInt8 = 0
        let result = withUnsafeMutableBytes(of: &surplus) { room in
            Result { () throws(InflationFault) in try advance(into: room) }
        }
        return try result.get() == 0 ? (0, nil) : (1, receiver.overflowed())
    }

    private func advance(into room: UnsafeMutableRawBufferPointer) throws(InflationFault) -> Int {
        if inflater == nil { inflater = try Inflater(coding) }
        let input = UnsafeRawBufferPointer(rebasing: window.bytes[unread])
        guard let progress = try inflater?.inflate(input, into: room) else { return 0 }
        unread = unread.lowerBound + progress.consumed..<unread.upperBound
        mayHoldMore = progress.produced == room.count
        inflatedBytes += progress.produced
        if progress.isEnded {
            phase = .ended
            inflater = nil
        }
        let allowed = max(bounds.freeBytes, bounds.ratio * (compressedBytes - unread.count))
        guard inflatedBytes <= allowed else { throw .beyondRatio(limit: bounds.ratio) }
        return progress.produced
    }
}
