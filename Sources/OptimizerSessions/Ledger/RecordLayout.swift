import OptimizerEngine
import SystemIO

/// How a record lies in a file, version 1. All numbers are little-endian.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 8 | `OPTLOG01`; the digits are the format's version |
/// | 8 | 4 | CRC-32C of bytes 12 ..< 96 |
/// | 12 | 4 | CRC-32C of the detail |
/// | 16 | 4 | CRC-32C of the payload |
/// | 20 | 1 | kind |
/// | 21 | 3 | zero |
/// | 24 | 8 | position |
/// | 32 | 8 | generation after the change |
/// | 40 | 8 | step after the change |
/// | 48 | 8 | time, seconds since 1970, signed |
/// | 56 | 4 | and nanoseconds |
/// | 60 | 4 | bytes of the detail |
/// | 64 | 8 | bytes of the payload |
/// | 72 | 8 | where the payload starts, from the record's start |
/// | 80 | 8 | bytes of the whole record |
/// | 88 | 8 | zero |
/// | 96 | … | detail, then zeros |
/// | … | … | payload, then zeros |
/// | end − 8 | 8 | trailer: `OPTLOGND` xor position; never zero |
///
/// Payload start and record length are the least multiples of the segment's alignment that hold
/// what comes before them, so each length is said twice and a record of zeros is none.
struct RecordLayout: Equatable {
    static let version = 1
    static let magicStem = Array("OPTLOG".utf8)
    static let headerBytes = 96
    static let trailerBytes = 8
    private static let trailerWord = UInt64(littleEndianText: "OPTLOGND")

    /// Details are a few numbers for each group, or a run for each tensor; far beyond both.
    static let longestDetailBytes = 64 << 20
    static let longestPayloadBytes = 1 << 46

    let payloadOffset: Int
    let byteCount: Int

    init(detailBytes: Int, payloadBytes: Int, alignment: Int) {
        payloadOffset = (Self.headerBytes + detailBytes).rounded(upTo: alignment)
        byteCount = (payloadOffset + payloadBytes + Self.trailerBytes).rounded(upTo: alignment)
    }

    static func trailer(position: Int) -> UInt64 {
        trailerWord ^ UInt64(bitPattern: Int64(position))
    }
}

extension Int {
    /// The least multiple of `alignment`, a power of two, that is not below.
    func rounded(upTo alignment: Int) -> Int {
        (self + alignment - 1) & ~(alignment - 1)
    }
}

extension UInt64 {
    fileprivate init(littleEndianText text: StaticString) {
        self = text.withUTF8Buffer { bytes in
            bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}

/// A record's first 96 bytes.
struct RecordHeader {
    let kind: LedgerRecord.Kind
    let position: Int
    let tag: SessionTag
    let time: WallTime
    let detailBytes: Int
    let detailChecksum: UInt32
    let payloadBytes: Int
    let payloadChecksum: UInt32
    let layout: RecordLayout

    /// Why 96 bytes are no header.
    enum Fault: Error, Equatable {
        /// Of a format that only a newer program knows.
        case newer(version: Int)
        case damaged(String)
    }

    init(_ record: LedgerRecord, alignment: Int) {
        kind = record.kind
        position = record.position
        tag = record.tag
        time = record.time
        detailBytes = record.detail.count
        detailChecksum = record.detail.withUnsafeBytes { Kernels.best.crc32c($0) }
        payloadBytes = record.payload.byteCount
        payloadChecksum = Kernels.best.crc32c(record.payload.bytes)
        layout = RecordLayout(
            detailBytes: detailBytes, payloadBytes: payloadBytes, alignment: alignment)
    }

    var bytes: [UInt8] {
        var rest = ByteWriter()
        rest.integer(detailChecksum)
        rest.integer(payloadChecksum)
        rest.raw([kind.rawValue, 0, 0, 0])
        rest.integer(Int64(position))
        rest.integer(Int64(tag.generation))
        rest.integer(Int64(tag.step))
        rest.integer(time.seconds)
        rest.integer(time.nanoseconds)
        rest.integer(UInt32(detailBytes))
        rest.integer(Int64(payloadBytes))
        rest.integer(Int64(layout.payloadOffset))
        rest.integer(Int64(layout.byteCount))
        rest.integer(UInt64(0))
        var header = ByteWriter()
        header.raw(RecordLayout.magicStem)
        header.raw([UInt8(ascii: "0"), UInt8(ascii: "0") + UInt8(RecordLayout.version)])
        header.integer(rest.bytes.withUnsafeBytes { Kernels.best.crc32c($0) })
        header.raw(rest.bytes)
        return header.bytes
    }

    init(_ bytes: [UInt8], alignment: Int) throws(Fault) {
        try Self.checkMagic(bytes)
        var reader = ByteReader(bytes[8...])
        do throws(ByteReader.Fault) {
            let checksum = try reader.integer(UInt32.self)
            guard bytes[12...].withUnsafeBytes({ Kernels.best.crc32c($0) }) == checksum else {
                throw ByteReader.Fault()
            }
            detailChecksum = try reader.integer()
            payloadChecksum = try reader.integer()
            let word = try reader.raw(4)
            guard let kind = LedgerRecord.Kind(rawValue: word[word.startIndex]),
                word.dropFirst().allSatisfy({ $0 == 0 })
            else { throw ByteReader.Fault() }
            self.kind = kind
            position = try reader.number()
            tag = try reader.tag()
            time = try reader.time()
            detailBytes = try reader.count(UInt32.self)
            payloadBytes = try reader.count(Int64.self)
            guard detailBytes <= RecordLayout.longestDetailBytes,
                payloadBytes <= RecordLayout.longestPayloadBytes
            else { throw ByteReader.Fault() }
            layout = RecordLayout(
                detailBytes: detailBytes, payloadBytes: payloadBytes, alignment: alignment)
            guard try reader.count(Int64.self) == layout.payloadOffset,
                try reader.count(Int64.self) == layout.byteCount,
                try reader.integer(UInt64.self) == 0
            else { throw ByteReader.Fault() }
        } catch {
            throw .damaged("the record's header does not match its checksum")
        }
    }

    private static func checkMagic(_ bytes: [UInt8]) throws(Fault) {
        guard bytes.count == RecordLayout.headerBytes,
            bytes.starts(with: RecordLayout.magicStem),
            bytes[6..<8].allSatisfy({ (0x30...0x39).contains($0) }),
            let version = Int(String(decoding: bytes[6..<8], as: UTF8.self))
        else { throw .damaged("no record starts here") }
        guard version == RecordLayout.version else {
            throw version > RecordLayout.version
                ? .newer(version: version) : .damaged("no record starts here")
        }
    }
}
