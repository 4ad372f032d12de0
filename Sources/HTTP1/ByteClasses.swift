/// The alphabets of RFC 9110 and RFC 3986 as 128-bit sets: bit `b` stands for the byte `b`.
/// `ByteClassTests` holds them against the characters that the RFCs list.
extension UInt8 {
    /// tchar, RFC 9110 §5.6.2.
    @inline(__always)
    var isToken: Bool { isLetter || isIn(0x57ff_ffff_c7ff_fffe, 0x03ff_6cfa_0000_0000) }

    /// What paths and queries are made of besides pct-encoded: RFC 3986 §3.3, §3.4.
    @inline(__always)
    var isPathOrQuery: Bool { isLetter || isIn(0x47ff_fffe_87ff_ffff, 0xafff_ffd2_0000_0000) }

    /// reg-name without pct-encoded: RFC 3986 §3.2.2.
    @inline(__always)
    var isRegisteredName: Bool { isLetter || isIn(0x47ff_fffe_87ff_fffe, 0x2bff_7fd2_0000_0000) }

    /// What a field value may hold: HTAB, SP, VCHAR and obs-text, RFC 9110 §5.5.
    @inline(__always)
    var isFieldContent: Bool { (self >= 0x20 && self != 0x7f) || self == .tab }

    /// OWS, RFC 9110 §5.6.3.
    @inline(__always)
    var isBlank: Bool { self == .space || self == .tab }

    @inline(__always)
    var isDigit: Bool { self &- 0x30 < 10 }

    @inline(__always)
    var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }

    /// The byte with an ASCII capital made small. Other bytes are left alone: `|= 0x20` would
    /// make "^" equal to "~", and both are token characters.
    @inline(__always)
    var lowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }

    var hexDigitValue: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x37
        case 0x61...0x66: self - 0x57
        default: nil
        }
    }

    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0a
    static let carriageReturn: UInt8 = 0x0d
    static let space: UInt8 = 0x20
    static let doubleQuote: UInt8 = 0x22
    static let percent: UInt8 = 0x25
    static let plus: UInt8 = 0x2b
    static let comma: UInt8 = 0x2c
    static let slash: UInt8 = 0x2f
    static let colon: UInt8 = 0x3a
    static let semicolon: UInt8 = 0x3b
    static let equals: UInt8 = 0x3d
    static let questionMark: UInt8 = 0x3f
    static let backslash: UInt8 = 0x5c

    @inline(__always)
    private func isIn(_ high: UInt64, _ low: UInt64) -> Bool {
        let half = self < 64 ? low : high
        return self < 128 && (half &>> UInt64(self & 63)) & 1 == 1
    }
}
