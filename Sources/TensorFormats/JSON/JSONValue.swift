/// A small JSON document as a value. Members keep their order; their names are unique.
package enum JSONValue: Sendable {
    case null
    case bool(Bool)
    /// Correctly rounded; beyond the range of Double it is infinite.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])
}

package struct JSONMember: Sendable {
    package let name: String
    package let value: JSONValue

    package init(name: String, value: JSONValue) {
        self.name = name
        self.value = value
    }
}

extension JSONValue {
    /// Reads one whole document; strict, see `JSONFault`.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, limits: FormatLimits = FormatLimits()
    ) throws(JSONFault) -> JSONValue {
        guard bytes.count <= limits.jsonValueBytes else {
            let limit = limits.jsonValueBytes
            throw JSONFault(offset: limit, kind: .textTooLong(limitBytes: limit))
        }
        var scanner = JSONScanner(depth: limits.jsonDepth, tokenBytes: limits.jsonTokenBytes)
        var builder = JSONValueBuilder()
        try scanner.consume(bytes, &builder)
        try scanner.finish(&builder)
        guard let value = builder.take() else {
            throw JSONFault(offset: bytes.count, kind: .unexpectedEnd)
        }
        return value
    }

    /// The number as an integer, when it is one and a Double holds it exactly (RFC 8259 §6
    /// names ±2^53 as the range in which implementations agree).
    package var integer: Int? {
        guard case .number(let value) = self, value.magnitude <= 9_007_199_254_740_992 else {
            return nil
        }
        return Int(exactly: value)
    }

    /// The member of that name, compared by bytes; nil for every other kind of value.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { ExactName($0.name) == ExactName(name) }?.value
    }

    /// What kind of value this is, in the words of error messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
