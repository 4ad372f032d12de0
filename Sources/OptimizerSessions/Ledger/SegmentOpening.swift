import SystemIO

/// The first record of a segment: whose log this is, and how its records are aligned.
///
/// In a record: the session's name (4 bytes of length, UTF-8), its first generation (8 bytes),
/// the alignment (4 bytes). The record's position is that of the last record before the segment.
struct SegmentOpening: Equatable {
    let session: String
    let firstGeneration: Int
    let alignment: Int

    /// Records of small sessions follow one another closely; those of large ones lie so that they
    /// can be written from the gradients' own memory without passing the page cache.
    static let alignments = [8, File.directAlignment]

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.text(session)
        writer.integer(Int64(firstGeneration))
        writer.integer(UInt32(alignment))
        return writer.bytes
    }

    init(session: String, firstGeneration: Int, alignment: Int) {
        self.session = session
        self.firstGeneration = firstGeneration
        self.alignment = alignment
    }

    init(_ bytes: [UInt8]) throws(ByteReader.Fault) {
        var reader = ByteReader(bytes)
        session = try reader.text()
        firstGeneration = try reader.number()
        alignment = try reader.count(UInt32.self)
        guard reader.isAtEnd, Self.alignments.contains(alignment) else {
            throw ByteReader.Fault()
        }
    }

    func record(after position: Int, time: WallTime) -> LedgerRecord {
        LedgerRecord(
            .opening, position: position, tag: SessionTag(generation: firstGeneration, step: 0),
            time: time, detail: bytes)
    }
}
