/// The Prefer field (RFC 7240). A preference is a wish: what is unknown or malformed is passed
/// over.
package struct Preferences: Equatable, Sendable {
    private var values: [String: String] = [:]

    /// - Parameter value: the combined field value, nil when there is none.
    package init(_ value: String?) {
        guard let value else { return }
        var scanner = ValueScanner(value)
        scanner.skipSeparators()
        while !scanner.isAtEnd {
            if let (name, value) = Self.preference(&scanner), scanner.endsElement(),
                values[name] == nil
            {
                // Of a repeated preference the first one counts (RFC 7240 §2).
                values[name] = value
            }
            scanner.skipElement()
            scanner.skipSeparators()
        }
    }

    /// The value of a preference, empty when it has none; `name` in small letters.
    package func value(of name: String) -> String? { values[name] }

    /// `return=minimal` (RFC 7240 §4.2): the answer need not repeat the resource.
    package var returnsMinimal: Bool { values["return"] == "minimal" }

    /// `wait=30` (RFC 7240 §4.3): the seconds that the client is ready to wait for its answer.
    package var waitSeconds: Int? {
        guard let text = values["wait"], !text.isEmpty,
            text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
        else { return nil }
        return Int(text) ?? .max
    }

    /// token [ BWS "=" BWS word ] and parameters, which no preference used here has.
    private static func preference(_ scanner: inout ValueScanner) -> (String, String)? {
        guard let name = scanner.token() else { return nil }
        scanner.skipBlanks()
        var value = ""
        if scanner.skip(.equals) {
            scanner.skipBlanks()
            guard let word = scanner.token() ?? scanner.quotedString() else { return nil }
            value = word
        }
        return scanner.parameters() == nil ? nil : (name.lowercased(), value)
    }
}
