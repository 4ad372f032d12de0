/// The rules of the Host field (RFC 9110 §7.2, RFC 9112 §3.2).
enum HostField {
    /// HTTP/1.1 needs exactly one; a repeated or invalid one is refused in any version.
    static func check(_ fields: Fields, _ version: Version) throws(ProtocolError) {
        let span = fields.bytes.span
        var host: Range<Int>?
        for line in fields.lines where isSame(span, line.name, "host") {
            guard host == nil else { throw .malformed("The Host field is given twice.") }
            host = line.value
        }
        guard let host else {
            if version == .http10 { return }
            throw .malformed("HTTP/1.1 requires a Host field.")
        }
        guard isValid(span, host) else { throw .malformed("The Host field's value is invalid.") }
    }

    /// uri-host [ ":" port ]. An empty host is valid: it is what a client sends whose target has no
    /// authority. An IPv6 literal is held to its alphabet only, as nothing is routed by it.
    static func isValid(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        let end = range.upperBound
        if index < end, bytes[index] == 0x5b {
            index += 1
            let start = index
            while index < end, isLiteral(bytes[index]) { index += 1 }
            guard index > start, index < end, bytes[index] == 0x5d else { return false }
            index += 1
        } else {
            while index < end, bytes[index] != .colon {
                if bytes[index].isRegisteredName {
                    index += 1
                } else if isEscape(bytes, index, end) {
                    index += 3
                } else {
                    return false
                }
            }
        }
        guard index < end else { return true }
        guard bytes[index] == .colon else { return false }
        index += 1
        while index < end, bytes[index].isDigit { index += 1 }
        return index == end
    }

    private static func isLiteral(_ byte: UInt8) -> Bool {
        byte.hexDigitValue != nil || byte == .colon || byte == 0x2e
    }
}
