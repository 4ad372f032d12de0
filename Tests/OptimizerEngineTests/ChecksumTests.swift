import OptimizerEngine
import SeededChance
import Testing

/// CRC-32C of every instruction set of this CPU against a loop over bits.
struct ChecksumTests {
    /// One bit at a time, as the polynomial is defined: the oracle.
    static func reference(_ bytes: some Sequence<UInt8>, continuing crc: UInt32 = 0) -> UInt32 {
        var state = ~crc
        for byte in bytes {
            state ^= UInt32(byte)
            for _ in 0..<8 { state = state >> 1 ^ (state & 1 == 1 ? 0x82F6_3B78 : 0) }
        }
        return ~state
    }

    /// Appendix B.4, the customary check value, and nothing.
    static let vectors: [([UInt8], UInt32)] = [
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        ([UInt8](0...31), 0x46DD_794E),
        ([UInt8]((0...31).reversed()), 0x113F_DB5C),
        ([UInt8]("123456789".utf8), 0xE306_9283),
        ([], 0),
    ]

    /// Around the C kernels' blocks of 256 and 768 bytes, one and several.
    static let longCounts = [
        767, 768, 769, 1023, 1024, 1025, 1535, 1536, 1537, 2047, 2048, 2055, 2304, 4095, 4096,
        12_288, 12_289, 65_535, 65_536, 99_999, 100_000,
    ]

    static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SplitMix(seed)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    @Test(arguments: vectors)
    func vectorsOfTheRFC(bytes: [UInt8], crc: UInt32) {
        #expect(Self.reference(bytes) == crc)
        for kernels in Kernels.available {
            #expect(bytes.withUnsafeBytes { kernels.crc32c($0) } == crc, "\(kernels.level)")
        }
    }

    @Test func nothingHasNoAddress() {
        for kernels in Kernels.available {
            #expect(kernels.crc32c(UnsafeRawBufferPointer(start: nil, count: 0)) == 0)
            let crc = kernels.crc32c(UnsafeRawBufferPointer(start: nil, count: 0), continuing: 7)
            #expect(crc == 7)
        }
    }

    @Test func everyShortLengthAtEveryMisalignment() {
        let bytes = Self.bytes(609, seed: 1)
        for offset in 0...8 {
            var expected: UInt32 = 0
            for count in 0...600 {
                for kernels in Kernels.available {
                    let crc = bytes.withUnsafeBytes { all in
                        let part = all[offset..<(offset + count)]
                        return kernels.crc32c(UnsafeRawBufferPointer(rebasing: part))
                    }
                    // A macro for each of these would take longer than all of the arithmetic.
                    if crc != expected {
                        Issue.record("\(kernels.level), \(count) bytes at \(offset)")
                    }
                }
                expected = Self.reference(
                    CollectionOfOne(bytes[offset + count]), continuing: expected)
            }
        }
    }

    @Test(arguments: longCounts)
    func longLengths(count: Int) {
        let bytes = Self.bytes(count + 3, seed: UInt64(count))
        for offset in [0, 3] {
            let expected = Self.reference(bytes[offset..<(offset + count)], continuing: 0x1234_5678)
            for kernels in Kernels.available {
                let crc = bytes.withUnsafeBytes {
                    kernels.crc32c(
                        UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + count)]),
                        continuing: 0x1234_5678)
                }
                #expect(crc == expected, "\(kernels.level), \(count) bytes at \(offset)")
            }
        }
    }

    @Test func continuingAtEverySplit() {
        let bytes = Self.bytes(1_700, seed: 2)
        let whole = Self.reference(bytes)
        for kernels in Kernels.available {
            for split in 0...bytes.count {
                let crc = bytes.withUnsafeBytes { all in
                    let first = kernels.crc32c(UnsafeRawBufferPointer(rebasing: all[..<split]))
                    let rest = UnsafeRawBufferPointer(rebasing: all[split...])
                    return kernels.crc32c(rest, continuing: first)
                }
                if crc != whole { Issue.record("\(kernels.level), split at \(split)") }
            }
        }
    }

    @Test func everySingleFlippedBitShows() {
        var bytes = Self.bytes(1_100, seed: 5)
        for kernels in Kernels.available {
            let whole = bytes.withUnsafeBytes { kernels.crc32c($0) }
            for bit in 0..<(8 * bytes.count) {
                bytes[bit / 8] ^= 1 << (bit % 8)
                let crc = bytes.withUnsafeBytes { kernels.crc32c($0) }
                bytes[bit / 8] ^= 1 << (bit % 8)
                if crc == whole { Issue.record("\(kernels.level), bit \(bit)") }
            }
        }
    }
}
