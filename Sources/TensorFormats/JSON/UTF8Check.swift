/// Whether bytes are well-formed UTF-8.
enum UTF8Check {
    /// The first byte of the first sequence that is not; nil when all are.
    static func firstFault(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var index = 0
        while index < bytes.count {
            if bytes[index] < 0x80 {
                index += 1
                continue
            }
            guard let (length, second) = sequence(bytes[index]),
                bytes.count - index >= length, second.contains(bytes[index + 1]),
                bytes[(index + 2)..<(index + length)].allSatisfy({ 0x80...0xBF ~= $0 })
            else { return index }
            index += length
        }
        return nil
    }

    /// The length that a lead byte announces and what its second byte may be, from Unicode's
    /// table of well-formed sequences (RFC 3629 §4): no overlong forms, no surrogates, nothing
    /// above U+10FFFF.
    static func sequence(_ lead: UInt8) -> (length: Int, second: ClosedRange<UInt8>)? {
        switch lead {
        case 0xC2...0xDF: (2, 0x80...0xBF)
        case 0xE0: (3, 0xA0...0xBF)
        case 0xED: (3, 0x80...0x9F)
        case 0xE1...0xEF: (3, 0x80...0xBF)
        case 0xF0: (4, 0x90...0xBF)
        case 0xF1...0xF3: (4, 0x80...0xBF)
        case 0xF4: (4, 0x80...0x8F)
        default: nil
        }
    }
}
