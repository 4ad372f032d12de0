/// The slow, obvious reader of JSON: recursive, over the whole text, one rule of RFC 8259 after
/// the other. It is the oracle for the fast one and shares nothing with it.
indirect enum ReferenceJSON {
    case null
    case bool(Bool)
    /// As spelled.
    case number(String)
    case string([UInt8])
    case array([ReferenceJSON])
    case object([(name: [UInt8], value: ReferenceJSON)])

    /// The value of `text`, or nil if it is not JSON.
    static func parse(_ text: [UInt8], depth: Int = 64) -> ReferenceJSON? {
        var reader = Reader(rest: text[...], depth: depth)
        guard let value = reader.value() else { return nil }
        reader.skipSpace()
        return reader.rest.isEmpty ? value : nil
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>
        var depth: Int

        mutating func skipSpace() {
            rest = rest.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        }

        mutating func take(_ text: String) -> Bool {
            guard rest.starts(with: text.utf8) else { return false }
            rest = rest.dropFirst(text.utf8.count)
            return true
        }

        mutating func value() -> ReferenceJSON? {
            skipSpace()
            if take("null") { return .null }
            if take("true") { return .bool(true) }
            if take("false") { return .bool(false) }
            if take("\"") { return string().map { .string($0) } }
            if take("[") { return nested { $0.array() } }
            if take("{") { return nested { $0.object() } }
            return number()
        }

        mutating func nested(_ body: (inout Reader) -> ReferenceJSON?) -> ReferenceJSON? {
            guard depth > 0 else { return nil }
            depth -= 1
            defer { depth += 1 }
            return body(&self)
        }

        mutating func array() -> ReferenceJSON? {
            var elements: [ReferenceJSON] = []
            skipSpace()
            if take("]") { return .array([]) }
            while true {
                guard let element = value() else { return nil }
                elements.append(element)
                skipSpace()
                if take("]") { return .array(elements) }
                guard take(",") else { return nil }
            }
        }

        mutating func object() -> ReferenceJSON? {
            var members: [(name: [UInt8], value: ReferenceJSON)] = []
            skipSpace()
            if take("}") { return .object([]) }
            while true {
                skipSpace()
                guard take("\""), let name = string(), !members.contains(where: { $0.name == name })
                else { return nil }
                skipSpace()
                guard take(":"), let value = value() else { return nil }
                members.append((name, value))
                skipSpace()
                if take("}") { return .object(members) }
                guard take(",") else { return nil }
            }
        }

        mutating func digits() -> String? {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(digits.count)
            return digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
        }

        mutating func number() -> ReferenceJSON? {
            var text = take("-") ? "-" : ""
            guard let integer = digits(), integer == "0" || !integer.hasPrefix("0") else {
                return nil
            }
            text += integer
            if take(".") {
                guard let fraction = digits() else { return nil }
                text += "." + fraction
            }
            if take("e") || take("E") {
                text += "e" + (take("-") ? "-" : take("+") ? "+" : "")
                guard let exponent = digits() else { return nil }
                text += exponent
            }
            return .number(text)
        }

        /// After the opening quote. Decoded to UTF-16 or bytes first, judged as a whole then.
        mutating func string() -> [UInt8]? {
            var units: [UInt16] = []
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: "\""):
                    return Self.utf8(units)
                case UInt8(ascii: "\\"):
                    guard let unit = escape() else { return nil }
                    units.append(unit)
                case 0..<0x20:
                    return nil
                default:
                    let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
                    let sequence = [byte] + rest.prefix(length - 1)
                    guard let text = String(validating: sequence, as: UTF8.self),
                        text.unicodeScalars.count == 1
                    else { return nil }
                    units += text.utf16
                    rest = rest.dropFirst(length - 1)
                }
            }
            return nil
        }

        mutating func escape() -> UInt16? {
            if take("u") {
                let digits = String(decoding: rest.prefix(4), as: UTF8.self)
                guard digits.utf8.count == 4, digits.allSatisfy(\.isHexDigit) else { return nil }
                rest = rest.dropFirst(4)
                return UInt16(digits, radix: 16)
            }
            let meanings: [UInt8: UInt16] = [
                0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x62: 8, 0x66: 12, 0x6E: 10, 0x72: 13,
                0x74: 9,
            ]
            return rest.popFirst().flatMap { meanings[$0] }
        }

        static func utf8(_ units: [UInt16]) -> [UInt8]? {
            String(validating: units, as: UTF16.self).map { Array($0.utf8) }
        }
    }
}
