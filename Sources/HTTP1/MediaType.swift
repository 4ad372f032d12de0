/// A media type (RFC 9110 §8.3.1); type, subtype and parameter names in small letters.
package struct MediaType: Equatable, Sendable {
    package let type: String
    package let subtype: String
    package let parameters: [Parameter]

    package struct Parameter: Equatable, Sendable {
        package let name: String
        package let value: String
    }

    /// A type that the program spells out, such as `MediaType("application", "json")`.
    package init(_ type: String, _ subtype: String, _ parameters: [Parameter] = []) {
        self.type = type
        self.subtype = subtype
        self.parameters = parameters
    }

    /// A Content-Type value; nil when it is malformed.
    package init?(_ value: String) {
        var scanner = ValueScanner(value)
        scanner.skipBlanks()
        self.init(&scanner)
        scanner.skipBlanks()
        guard scanner.isAtEnd else { return nil }
    }

    init?(_ scanner: inout ValueScanner) {
        guard let type = scanner.token(), scanner.skip(.slash), let subtype = scanner.token(),
            let parameters = scanner.parameters()
        else { return nil }
        self.type = type.lowercased()
        self.subtype = subtype.lowercased()
        self.parameters = parameters.map { Parameter(name: $0.name, value: $0.value) }
    }

    /// "application/json", without parameters.
    package var essence: String { type + "/" + subtype }

    /// The value of a parameter; `name` in small letters.
    package func parameter(_ name: String) -> String? {
        parameters.first { $0.name == name }?.value
    }

    /// The same type and subtype, whatever the parameters.
    package func isSameKind(as other: MediaType) -> Bool {
        type == other.type && subtype == other.subtype
    }
}
