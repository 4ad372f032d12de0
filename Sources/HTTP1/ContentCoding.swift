/// The content codings that are spoken here (RFC 9110 §8.4.1), in the order of our preference.
package enum ContentCoding: String, CaseIterable, Sendable {
    case gzip
    /// The zlib format around deflate data (RFC 1950), in spite of its name (§8.4.1.2).
    case deflate

    /// By the name in a field, whose case does not matter; "x-gzip" is an old one (§8.4.1.3).
    package init?(name: String) {
        let name = name.lowercased()
        self.init(rawValue: name == "x-gzip" ? "gzip" : name)
    }

    /// As a field lists them.
    package static let list = allCases.map(\.rawValue).joined(separator: ", ")

    /// The coding that a request's Content-Encoding names; nil when that is none, or "identity",
    /// which says the same and should not be there (§8.4).
    ///
    /// - Throws: more than one coding, or one that is not spoken here.
    package static func only(in value: String) throws(ContentCodingFault) -> ContentCoding? {
        var scanner = ValueScanner(value)
        var names: [String] = []
        scanner.skipSeparators()
        while !scanner.isAtEnd {
            guard let name = scanner.token(), scanner.endsElement() else {
                throw ContentCodingFault()
            }
            names.append(name)
            scanner.skipSeparators()
        }
        guard let name = names.first else { return nil }
        guard names.count == 1 else { throw ContentCodingFault() }
        if name.lowercased() == "identity" { return nil }
        guard let coding = ContentCoding(name: name) else { throw ContentCodingFault() }
        return coding
    }
}

/// A Content-Encoding that cannot be undone here.
package struct ContentCodingFault: Error, Equatable, Sendable {}
