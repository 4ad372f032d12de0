import SystemIO

@testable import OptimizerSessions

/// Made-up records with the sums, lengths and marks that the made-up rest asks for.
enum MendedRecords {
    static func mend(_ input: [UInt8]) -> [UInt8] {
        var bytes = input
        var start = 0
        while bytes.count - start >= RecordLayout.headerBytes {
            guard let end = mendRecord(&bytes, from: start) else { break }
            start = end
        }
        return bytes
    }

    /// - Returns: the record's end; nil when it would lie behind the last byte.
    private static func mendRecord(_ bytes: inout [UInt8], from start: Int) -> Int? {
        let stated = bytes.number(at: start + 80, UInt64.self)
        let large = UInt64(File.directAlignment)
        let alignment = stated > 0 && stated % large == 0 ? File.directAlignment : 8
        let detail = Int(bytes.number(at: start + 60, UInt32.self))
        let payload = Int(truncatingIfNeeded: bytes.number(at: start + 64, Int64.self))
        let remaining = bytes.count - start
        defer {
            let header = SlowChecksum.crc32c(bytes[(start + 12)..<(start + 96)])
            bytes.put(header, at: start + 8)
        }
        guard detail <= remaining, 0...remaining ~= payload else { return nil }
        let layout = RecordLayout(
            detailBytes: detail, payloadBytes: payload, alignment: alignment)
        bytes.put(Int64(layout.payloadOffset), at: start + 72)
        bytes.put(Int64(layout.byteCount), at: start + 80)
        guard layout.byteCount <= remaining else { return nil }
        let details = start + RecordLayout.headerBytes
        let payloads = start + layout.payloadOffset
        let end = start + layout.byteCount
        let position = bytes.number(at: start + 24, UInt64.self)
        bytes.put(SlowChecksum.crc32c(bytes[details..<details + detail]), at: start + 12)
        bytes.put(SlowChecksum.crc32c(bytes[payloads..<payloads + payload]), at: start + 16)
        let trailer = RecordLayout.trailer(position: Int(truncatingIfNeeded: position))
        bytes.put(trailer, at: end - RecordLayout.trailerBytes)
        return end
    }
}

extension [UInt8] {
    fileprivate mutating func put(_ number: some FixedWidthInteger, at place: Int) {
        Swift.withUnsafeBytes(of: number.littleEndian) {
            replaceSubrange(place..<place + $0.count, with: $0)
        }
    }
}
