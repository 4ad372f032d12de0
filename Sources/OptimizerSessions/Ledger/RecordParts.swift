import SystemIO

/// A record as the pieces of memory that one gathered write takes.
///
/// In an aligned segment every piece starts and ends on the alignment, so that the write can
/// pass by the page cache: the payload's whole blocks go from where they lie, and what is left of
/// it is copied behind them, into the last piece.
struct RecordParts {
    let byteCount: Int
    private let front: Slab
    private let payload: LedgerPayload
    /// How much of the payload is written from its own place.
    private let wholeBytes: Int
    private let back: Slab

    init(_ record: LedgerRecord, alignment: Int) throws(Errno) {
        let header = RecordHeader(record, alignment: alignment)
        let layout = header.layout
        byteCount = layout.byteCount
        payload = record.payload
        let isInPlace =
            alignment == 8
            || UInt(bitPattern: payload.bytes.baseAddress) % UInt(alignment) == 0
        wholeBytes = isInPlace ? payload.byteCount & ~(alignment - 1) : 0
        // What does not fill a block of 8 is copied too, which costs nothing.
        let restBytes = payload.byteCount - wholeBytes
        front = try Slab(
            byteCount: layout.payloadOffset, zeroed: true, alignment: alignment)
        back = try Slab(
            byteCount: layout.byteCount - layout.payloadOffset - wholeBytes, alignment: alignment)
        front.bytes.copyBytes(from: header.bytes)
        UnsafeMutableRawBufferPointer(rebasing: front.bytes[RecordLayout.headerBytes...])
            .copyBytes(from: record.detail)
        back.bytes.copyBytes(from: payload.bytes[wholeBytes...])
        let trailerStart = back.byteCount - RecordLayout.trailerBytes
        for index in restBytes..<trailerStart { back.bytes[index] = 0 }
        back.bytes.storeBytes(
            of: RecordLayout.trailer(position: record.position).littleEndian,
            toByteOffset: trailerStart, as: UInt64.self)
    }

    /// Valid inside `body`.
    func withBytes<Failure: Error>(
        _ body: ([UnsafeRawBufferPointer]) throws(Failure) -> Void
    ) throws(Failure) {
        try body([
            UnsafeRawBufferPointer(front.bytes),
            UnsafeRawBufferPointer(rebasing: payload.bytes[..<wholeBytes]),
            UnsafeRawBufferPointer(back.bytes),
        ])
        withExtendedLifetime((front, back, payload)) {}
    }
}
