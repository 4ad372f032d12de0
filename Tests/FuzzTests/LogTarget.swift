import SeededChance
import SystemIO

@testable import OptimizerSessions

/// What lies in a segment of a session's log or in a journal, as it is and with its checksums made
/// right: without that no made-up input gets beyond them.
enum LogTarget {
    static func check(_ input: [UInt8]) throws {
        for bytes in [input, MendedRecords.mend(input)] {
            for kind in LogKind.allCases {
                let reading = try ReadLog(bytes, kind)
                try checkRecords(reading)
                try checkSkipping(reading)
                try checkCutOff(reading)
                try checkFlippedBit(reading)
            }
        }
    }

    /// What was accepted is what its writer would write, byte for byte, and hence has the
    /// checksums of its bytes; a slow checksum tells as well.
    private static func checkRecords(_ log: ReadLog) throws {
        var written: [UInt8] = []
        for record in log.records {
            let start = written.count
            try RecordParts(record, alignment: log.alignment).withBytes { parts in
                for part in parts { written += part }
            }
            guard written.count <= log.bytes.count else { break }
            let bytes = log.bytes[start..<written.count]
            for (place, range) in [(8, 12..<96), (12, 96..<96 + record.detail.count)] {
                let stored = bytes.number(at: start + place, UInt32.self)
                let part = bytes[(start + range.lowerBound)..<(start + range.upperBound)]
                try requireEqual(stored, SlowChecksum.crc32c(part), "a checksum is right")
            }
            try requireEqual(
                bytes.number(at: start + 16, UInt32.self),
                SlowChecksum.crc32c(record.payload.bytes), "that of the payload too")
            try DetailAudit.check(record, log.kind)
        }
        try requireEqual(
            written, Array(log.bytes[..<log.end]), "records are written as they were read")
        for (index, record) in log.records.enumerated() {
            try requireEqual(record.position, log.first + index, "no position is left out")
        }
    }

    /// Payloads that nobody needs may be damaged; all else must be judged alike.
    private static func checkSkipping(_ log: ReadLog) throws {
        let skipping = try ReadLog(log.bytes, log.kind, skippingPayloads: true)
        try require(skipping.records.count >= log.records.count, "skipping loses no record")
        for (left, right) in zip(log.records, skipping.records) {
            try require(
                left.kind == right.kind && left.tag == right.tag && left.time == right.time
                    && left.detail == right.detail && left.position == right.position,
                "a record is the same without its payload")
        }
        if log.verdict != .damaged {
            try requireEqual(skipping.verdict, log.verdict, "and so is the end")
        }
    }

    /// A file that ends too early is torn, which loses no record that is whole.
    private static func checkCutOff(_ log: ReadLog) throws {
        var dice = SplitMix(of: log.bytes)
        let end = dice.below(log.end)
        let cut = try ReadLog(Array(log.bytes[..<end]), log.kind)
        let whole = log.ends.prefix { $0 <= end }
        try requireEqual(cut.records.count, whole.count, "whole records are read")
        try requireEqual(
            cut.verdict, end == whole.last ?? 0 ? .end : .torn, "a cut-off record is torn")
    }

    /// A wrong bit in a whole file is noticed, and no other record is read in its place.
    private static func checkFlippedBit(_ log: ReadLog) throws {
        guard log.verdict == .end, log.end > 0 else { return }
        var dice = SplitMix(of: log.bytes)
        let bit = dice.below(8 * log.end)
        var bytes = log.bytes
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        let flipped = try ReadLog(bytes, log.kind)
        try require(
            flipped.verdict == .damaged || flipped.verdict == .newer, "bit \(bit) is missed")
        try require(
            flipped.records.count <= log.ends.count { $0 <= bit / 8 },
            "no record with a wrong bit is read")
    }
}

/// A checksum bit by bit (RFC 3720 §12.1, reflected).
enum SlowChecksum {
    static func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var checksum = UInt32.max
        for byte in bytes {
            checksum ^= UInt32(byte)
            for _ in 0..<8 {
                checksum = checksum >> 1 ^ (checksum & 1 == 0 ? 0 : 0x82f6_3b78)
            }
        }
        return ~checksum
    }
}

extension Collection<UInt8> where Index == Int {
    /// A little-endian number, whose bytes must all be there.
    func number<Number: FixedWidthInteger>(at place: Int, _ type: Number.Type) -> Number {
        (0..<MemoryLayout<Number>.size).reversed().reduce(0) {
            $0 << 8 | Number(truncatingIfNeeded: self[place + $1])
        }
    }
}
