/// Builds RFC 6901 pointers.
package enum JSONPointer {
    /// `~` and `/` inside a name are written `~0` and `~1` (RFC 6901 §3).
    package static func escape(_ name: String) -> String {
        guard name.utf8.contains(where: { $0 == 0x7E || $0 == 0x2F }) else { return name }
        var escaped = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": escaped += "~0"
            case "/": escaped += "~1"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// The name, unescaped, of what a pointer leads to; nil for the whole document.
    package static func lastName(of pointer: String) -> String? {
        guard let slash = pointer.lastIndex(of: "/") else { return nil }
        var name = ""
        var isEscape = false
        for scalar in pointer[pointer.index(after: slash)...].unicodeScalars {
            switch (isEscape, scalar) {
            case (false, "~"): isEscape = true
            case (false, _): name.unicodeScalars.append(scalar)
            case (true, _):
                name.unicodeScalars.append(scalar == "1" ? "/" : "~")
                isEscape = false
            }
        }
        return name
    }

    /// The pointer to a member of a member: `/gradients/w`.
    package static func of(_ names: String...) -> String {
        names.map { "/" + escape($0) }.joined()
    }
}
