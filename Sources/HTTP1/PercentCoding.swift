/// Percent-encoding (RFC 3986 §2.1).
package enum PercentCoding {
    /// The decoded text; nil when a "%" is not followed by two hexadecimal digits or the result is
    /// not UTF-8.
    package static func decode(_ text: Substring) -> String? {
        guard text.utf8.contains(.percent) else { return String(text) }
        return decode(Array(text.utf8), plusIsSpace: false)
    }

    static func decode(_ bytes: [UInt8], plusIsSpace: Bool) -> String? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == .percent {
                guard index + 2 < bytes.count, let high = bytes[index + 1].hexDigitValue,
                    let low = bytes[index + 2].hexDigitValue
                else { return nil }
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(plusIsSpace && byte == .plus ? .space : byte)
                index += 1
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }
}
