/// Searches that look at eight bytes at a time, for the two loops that see every byte of a head.
///
/// The tricks are exact for the lowest byte that they mark: a borrow can only spoil bytes above it.
enum ByteScan {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// The first line feed in `range`, or the range's end.
    static func lineFeed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        let words = bytes.bytes
        var index = range.lowerBound
        while range.upperBound - index >= 8 {
            let word = load(words, index) ^ (ones &* UInt64(UInt8.lineFeed))
            let zeros = (word &- ones) & ~word & highs
            if zeros != 0 { return index + zeros.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < range.upperBound, bytes[index] != .lineFeed { index += 1 }
        return index
    }

    /// Whether all bytes in `range` may stand in a field value.
    static func isFieldContent(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        let words = bytes.bytes
        var index = range.lowerBound
        while range.upperBound - index >= 8 {
            let word = load(words, index)
            let below32 = (word &- (ones &* 0x20)) & ~word
            let deletes = word ^ (ones &* 0x7f)
            // Marks HTAB too, which is allowed, so what is marked is looked at byte by byte.
            if (below32 | ((deletes &- ones) & ~deletes)) & highs != 0 {
                for offset in 0..<8 where !bytes[index + offset].isFieldContent { return false }
            }
            index += 8
        }
        while index < range.upperBound {
            guard bytes[index].isFieldContent else { return false }
            index += 1
        }
        return true
    }

    /// Eight bytes, the first one lowest. Any bits are a valid UInt64, and the load is checked
    /// against the span's bounds, so nothing here is unsafe but the name.
    @inline(__always)
    private static func load(_ words: RawSpan, _ index: Int) -> UInt64 {
        UInt64(littleEndian: words.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
    }
}
