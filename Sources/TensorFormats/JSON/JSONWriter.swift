/// Writes compact JSON.
///
/// Commas and colons are placed by themselves; opening and closing in the right order is up to
/// the caller.
package struct JSONWriter {
    package internal(set) var bytes: [UInt8] = []
    /// Whether a comma belongs in front of what comes next.
    private var needsComma = false

    /// - Parameter capacity: room for that much text, which then never grows by copying.
    package init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    package mutating func beginObject() { open("{") }

    package mutating func endObject() { close("}") }

    package mutating func beginArray() { open("[") }

    package mutating func endArray() { close("]") }

    /// Begins where another writer has ended: what comes next follows something.
    package mutating func separateFromBefore() { needsComma = true }

    /// The name of the member whose value is written next.
    package mutating func name(_ name: String) {
        separate()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func string(_ text: String) {
        separate()
        quote(text)
        needsComma = true
    }

    /// The shortest decimal; NaN and the infinities as strings.
    package mutating func number(_ value: Double) {
        separate()
        appendNumber(isFinite: value.isFinite) { Decimal.write(value, to: $0, PowersOfTen.shared) }
        needsComma = true
    }

    /// As above.
    package mutating func number(_ value: Float) {
        separate()
        appendNumber(isFinite: value.isFinite) { Decimal.write(value, to: $0, PowersOfTen.shared) }
        needsComma = true
    }

    package mutating func integer(_ value: Int) {
        word(String(value))
    }

    package mutating func bool(_ value: Bool) {
        word(value ? "true" : "false")
    }

    package mutating func null() {
        word("null")
    }

    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .number(let value): number(value)
        case .string(let text): string(text)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let members):
            beginObject()
            for member in members {
                name(member.name)
                self.value(member.value)
            }
            endObject()
        }
    }
}

extension JSONWriter {
    /// To be called in front of every value.
    mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    /// A value whose text was made elsewhere, in parts.
    mutating func append(_ part: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: part)
        needsComma = true
    }

    private mutating func open(_ bracket: Unicode.Scalar) {
        separate()
        bytes.append(UInt8(ascii: bracket))
        needsComma = false
    }

    private mutating func close(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = true
    }

    private mutating func word(_ word: String) {
        separate()
        bytes.append(contentsOf: word.utf8)
        needsComma = true
    }

    private mutating func appendNumber(
        isFinite: Bool, _ write: (UnsafeMutablePointer<UInt8>) -> Int
    ) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Decimal.maximumBytes) { scratch in
            guard let base = scratch.baseAddress else { return }
            let count = write(base)
            if !isFinite { bytes.append(UInt8(ascii: "\"")) }
            bytes.append(contentsOf: UnsafeBufferPointer(start: base, count: count))
            if !isFinite { bytes.append(UInt8(ascii: "\"")) }
        }
    }

    /// Escapes what RFC 8259 §7 demands: the quote, the backslash and control characters.
    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: bytes.append(contentsOf: "\\n".utf8)
            case 0x0D: bytes.append(contentsOf: "\\r".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                bytes.append(contentsOf: byte < 16 ? "\\u000".utf8 : "\\u00".utf8)
                bytes.append(contentsOf: String(byte, radix: 16).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
