import SystemIO

/// The small records of one batch as they lie in their segments, one behind another. Reused from
/// batch to batch by one desk.
struct RecordBuffer {
    /// Where a stretch of the buffer belongs.
    struct Piece: Equatable {
        let place: LedgerPlace
        /// The position behind which the segment begins.
        let segmentStart: Int
        /// In the segment.
        let offset: Int
        let byteCount: Int
    }

    private(set) var pieces: [Piece] = []
    private(set) var byteCount = 0
    private var slab: Slab

    /// A batch of records is rarely larger.
    private static let firstBytes = 1 << 20
    /// After a larger one the memory goes back.
    private static let keptBytes = 8 << 20

    init() throws(Errno) {
        slab = try Slab(byteCount: Self.firstBytes, alignment: File.directAlignment)
    }

    mutating func removeAll() {
        pieces.removeAll(keepingCapacity: true)
        byteCount = 0
        guard capacity > Self.keptBytes, let smaller = try? RecordBuffer() else { return }
        // Without memory for a small one the large one serves on.
        self = smaller
    }

    /// Bytes that fit without more memory.
    var capacity: Int { slab.byteCount }

    /// Everything that is in it, valid until it changes.
    var payload: LedgerPayload { LedgerPayload(slab, byteCount: byteCount) }

    /// Adds a record and answers its bytes, which are valid until the next change.
    mutating func add(_ record: LedgerRecord) throws(Errno) -> UnsafeRawBufferPointer {
        let alignment = SegmentOpening.alignments[0]
        let header = RecordHeader(record, alignment: alignment)
        try reserve(header.layout.byteCount)
        let bytes = UnsafeMutableRawBufferPointer(
            rebasing: slab.bytes[byteCount..<byteCount + header.layout.byteCount])
        bytes.copyBytes(from: header.bytes)
        let detail = UnsafeMutableRawBufferPointer(
            rebasing: bytes[RecordLayout.headerBytes..<header.layout.payloadOffset])
        detail.copyBytes(from: record.detail)
        detail.clear(from: record.detail.count)
        let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[header.layout.payloadOffset...])
        rest.copyMemory(from: record.payload.bytes)
        rest.clear(from: record.payload.byteCount)
        rest.storeBytes(
            of: RecordLayout.trailer(position: record.position).littleEndian,
            toByteOffset: rest.count - RecordLayout.trailerBytes, as: UInt64.self)
        byteCount += bytes.count
        return UnsafeRawBufferPointer(bytes)
    }

    /// Says where the record that was added last has been written.
    mutating func wrote(_ piece: Piece) {
        pieces.append(piece)
    }

    /// Forgets the record that was added last.
    mutating func removeLast(_ count: Int) {
        byteCount -= count
    }

    private mutating func reserve(_ count: Int) throws(Errno) {
        let needed = byteCount + count
        guard needed > capacity else { return }
        let larger = try Slab(
            byteCount: max(needed, 2 * slab.byteCount), alignment: File.directAlignment)
        larger.bytes.copyMemory(
            from: UnsafeRawBufferPointer(start: slab.base, count: byteCount))
        slab = larger
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate func clear(from start: Int) {
        for index in start..<count { self[index] = 0 }
    }
}
