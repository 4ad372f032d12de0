/// Why a text is not JSON (RFC 8259, read strictly), and where.
package struct JSONFault: Error, Equatable, Sendable {
    /// Bytes from the start of the text to what is wrong.
    package let offset: Int
    package let kind: Kind

    package var reason: String { kind.reason }

    package enum Kind: Equatable, Sendable {
        case byteOrderMark
        case emptyText
        case unexpectedEnd
        case trailingText
        case expectedValue
        case notANumberLiteral
        case missingElement
        case expectedKey
        case trailingComma
        case expectedColon
        case expectedCommaOrBracket
        case expectedCommaOrBrace
        case malformedLiteral
        case leadingZero
        case leadingPlus
        case missingDigit
        case malformedNumber
        case controlCharacter
        case malformedEscape
        case loneSurrogate
        case malformedUTF8
        case duplicateKey(String)
        case tooDeep(limit: Int)
        case tokenTooLong(limitBytes: Int)
        case textTooLong(limitBytes: Int)
    }
}

extension JSONFault.Kind {
    var reason: String {
        switch self {
        case .byteOrderMark: "a JSON text must not start with a byte-order mark"
        case .emptyText: "the text is empty"
        case .unexpectedEnd: "the text ends too early"
        case .trailingText: "only white space may follow the end of the document"
        case .expectedValue: "a value is expected here"
        case .notANumberLiteral: "NaN and Infinity are not JSON numbers"
        case .missingElement: "a value must follow the comma"
        case .expectedKey: "a member's name in double quotes is expected here"
        case .trailingComma: "a member must follow the comma"
        case .expectedColon: "a colon must follow a member's name"
        case .expectedCommaOrBracket: "a comma or ']' is expected here"
        case .expectedCommaOrBrace: "a comma or '}' is expected here"
        case .malformedLiteral: "only true, false and null are words of JSON"
        case .leadingZero: "a number must not have leading zeros"
        case .leadingPlus: "a number must not start with '+'"
        case .missingDigit: "a digit is expected here"
        case .malformedNumber: "this does not belong into a number"
        case .controlCharacter: "control characters in strings must be escaped"
        case .malformedEscape: "this is not an escape sequence of JSON"
        case .loneSurrogate: "a \\u escape of half a surrogate pair stands alone"
        case .malformedUTF8: "the text is not valid UTF-8"
        case .duplicateKey(let name): "the member \"\(name)\" appears twice"
        case .tooDeep(let limit): "arrays and objects are nested deeper than \(limit)"
        case .tokenTooLong(let limit): "a number or string is longer than \(limit) bytes"
        case .textTooLong(let limit): "the text is longer than \(limit) bytes"
        }
    }
}
