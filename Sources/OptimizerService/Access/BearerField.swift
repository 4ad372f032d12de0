/// The `Authorization` of a request as RFC 6750 §2.1 has it.
enum BearerField: Equatable {
    /// There is none, or it is of another scheme.
    case absent
    case malformed
    case token(String)

    /// - Parameter values: of every field line of that name. It is no list, so there may be one
    ///   (RFC 9110 §5.3, §11.6.2).
    init(_ values: [String]) {
        guard let value = values.first else {
            self = .absent
            return
        }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard values.count == 1, let scheme = parts.first, !value.hasPrefix(" ") else {
            self = .malformed
            return
        }
        // Schemes are compared without case (RFC 9110 §11.1).
        guard scheme.lowercased() == "bearer" else {
            self = .absent
            return
        }
        // "Bearer" 1*SP b64token
        let token = parts.count == 2 ? parts[1].drop { $0 == " " } : ""
        self = BearerField.isToken(token) ? .token(String(token)) : .malformed
    }

    /// b64token: letters, digits and -._~+/ and then any number of "=".
    private static func isToken(_ text: Substring) -> Bool {
        let utf8 = text.utf8
        let body = utf8.prefix { isTokenByte($0) }
        return !body.isEmpty && utf8[body.endIndex...].allSatisfy { $0 == UInt8(ascii: "=") }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default:
            "-._~+/".utf8.contains(byte)
        }
    }
}
