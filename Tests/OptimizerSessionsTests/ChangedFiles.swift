import TensorFormats
import Testing

// State files that somebody has changed.

/// The state file with other bytes at the start of a tensor.
func setting<Number>(
    _ name: String, _ number: Number, in file: [UInt8]
) throws -> [UInt8] {
    let header = try SafetensorsHeader.parse(file: file)
    let entry = try #require(header.tensors.first { $0.name == name })
    let start = file.count - header.dataByteCount + entry.begin
    let bytes = withUnsafeBytes(of: number) { Array($0) }
    return file[..<start] + bytes + file[(start + bytes.count)...]
}

/// The state file with another name of as many bytes or more for a tensor, the rest being spaces.
func renaming(
    _ name: String, to other: some StringProtocol, in file: [UInt8]
) -> [UInt8] {
    let dataStart = 8 + (Int(file[0]) | Int(file[1]) << 8)
    var header = String(decoding: file[8..<dataStart], as: UTF8.self)
    header = header.replacing("\"\(name)\"", with: "\"\(other)\"")
    header += String(repeating: " ", count: -header.utf8.count & 7)
    let count = UInt64(header.utf8.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + Array(header.utf8)
        + file[dataStart...]
}
