import SystemIO

/// A safetensors file of one F32 vector, `w`, whose numbers are zero until they are filled in.
struct SafetensorsFile {
    let slab: Slab
    let data: UnsafeMutableRawBufferPointer

    /// - Parameter metadata: the members of `__metadata__`, as JSON text.
    init(count: Int, metadata: String? = nil) throws {
        let header = Self.header(count: count, metadata: metadata)
        let headBytes = 8 + header.utf8.count
        slab = try Slab(byteCount: headBytes + count * 4, zeroed: true)
        let bytes = slab.bytes
        bytes.storeBytes(of: UInt64(header.utf8.count).littleEndian, as: UInt64.self)
        UnsafeMutableRawBufferPointer(rebasing: bytes[8...]).copyBytes(from: header.utf8)
        data = UnsafeMutableRawBufferPointer(rebasing: bytes[headBytes...])
    }

    /// What stands before the numbers.
    static func headBytes(count: Int) -> Int {
        8 + header(count: count, metadata: nil).utf8.count
    }

    private static func header(count: Int, metadata: String?) -> String {
        let preface = metadata.map { "\"__metadata__\":{\($0)}," } ?? ""
        let header = """
            {\(preface)"w":{"dtype":"F32","shape":[\(count)],"data_offsets":[0,\(count * 4)]}}
            """
        return header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    }
}
