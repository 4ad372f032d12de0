import SystemIO

/// One file of a session's log: the records between two positions, behind an opening.
///
/// Its name says behind which position it begins: `log-00000000000000000120`.
final class SegmentFile: ByteSource {
    let path: String
    private let file: File

    init(_ path: String, _ access: File.Access, direct: Bool = false) throws(Errno) {
        self.path = path
        file = try File(path, access, direct: direct)
    }

    var byteCount: Int {
        get throws(Errno) { try file.byteCount }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(Errno) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func write(_ record: LedgerRecord, at offset: Int, alignment: Int) throws(Errno) -> Int {
        let parts = try RecordParts(record, alignment: alignment)
        try parts.withBytes { bytes throws(Errno) in try file.write(bytes, at: offset) }
        return parts.byteCount
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(Errno) {
        try file.write([bytes], at: offset)
    }

    func truncate(to byteCount: Int) throws(Errno) { try file.truncate(to: byteCount) }

    func syncData() throws(Errno) { try file.syncData() }
}
