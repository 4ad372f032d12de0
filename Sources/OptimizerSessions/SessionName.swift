/// The rule for names of sessions and groups: `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`.
package enum SessionName {
    package static let limitBytes = 128
    /// The rule as a predicate's object: "must be …", "A name is …".
    package static let rule =
        "1 to 128 letters, digits, \".\", \"_\" or \"-\", the first a letter or digit"

    package static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, isAlphanumeric(first) else { return false }
        return name.utf8.count <= limitBytes
            && name.utf8.allSatisfy { isAlphanumeric($0) || isPunctuation($0) }
    }

    private static func isPunctuation(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default:
            false
        }
    }
}
