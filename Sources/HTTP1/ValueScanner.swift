/// Reads a field value by the common rules of RFC 9110 §5.6: tokens, quoted strings, blanks.
struct ValueScanner {
    private let bytes: [UInt8]
    private var index = 0

    init(_ value: String) { bytes = Array(value.utf8) }

    var isAtEnd: Bool { index == bytes.count }

    /// The next byte, unless the value is at its end.
    var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    mutating func skipBlanks() {
        while let byte = next, byte.isBlank { index += 1 }
    }

    /// Passes over `byte` if it comes next.
    mutating func skip(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        index += 1
        return true
    }

    /// Passes over list commas and blanks, empty elements among them (RFC 9110 §5.6.1).
    mutating func skipSeparators() {
        while let byte = next, byte.isBlank || byte == .comma { index += 1 }
    }

    /// Whether an element ends here, at a comma or at the end, after blanks.
    mutating func endsElement() -> Bool {
        skipBlanks()
        return isAtEnd || next == .comma
    }

    /// Goes to the next comma that is not inside a quoted string. A string without its end takes
    /// the rest of the value with it: looking again behind its quote would cost quadratic time.
    mutating func skipElement() {
        while let byte = next, byte != .comma {
            if byte != .doubleQuote {
                index += 1
            } else if quotedString() == nil {
                index = bytes.count
            }
        }
    }

    mutating func token() -> String? {
        text { $0.isToken }
    }

    /// One or more bytes of a kind.
    mutating func text(while isPart: (UInt8) -> Bool) -> String? {
        let start = index
        while let byte = next, isPart(byte) { index += 1 }
        return index > start ? String(decoding: bytes[start..<index], as: UTF8.self) : nil
    }

    /// RFC 9110 §5.6.4, unescaped. Nil, without moving, when there is none.
    mutating func quotedString() -> String? {
        let start = index
        guard skip(.doubleQuote) else { return nil }
        var content: [UInt8] = []
        while let byte = next {
            index += 1
            if byte == .doubleQuote { return String(decoding: content, as: UTF8.self) }
            if byte == .backslash, let escaped = next {
                index += 1
                content.append(escaped)
            } else {
                content.append(byte)
            }
        }
        index = start
        return nil
    }

    /// *( OWS ";" OWS [ parameter ] ) with names in small letters (RFC 9110 §5.6.6); nil when
    /// malformed.
    mutating func parameters() -> [(name: String, value: String)]? {
        var parameters: [(name: String, value: String)] = []
        while true {
            let beforeBlanks = index
            skipBlanks()
            guard skip(.semicolon) else {
                index = beforeBlanks
                return parameters
            }
            skipBlanks()
            guard let name = token() else {
                if next == .semicolon || next == .comma || isAtEnd { continue }
                return nil
            }
            guard skip(.equals), let value = token() ?? quotedString() else { return nil }
            parameters.append((name.lowercased(), value))
        }
    }
}
