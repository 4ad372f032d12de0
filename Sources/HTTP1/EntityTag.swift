/// An entity tag (RFC 9110 §8.8.3).
package struct EntityTag: Hashable, Sendable {
    package let isWeak: Bool
    /// The characters between the quotes.
    package let opaque: String

    package init(opaque: String, isWeak: Bool = false) {
        self.opaque = opaque
        self.isWeak = isWeak
    }
}

/// The value of If-Match or If-None-Match (RFC 9110 §13.1.1, §13.1.2).
package enum EntityTagList: Equatable, Sendable {
    /// "*": whatever there is.
    case any
    case tags([EntityTag])

    /// - Parameter value: the combined field value.
    package init(_ value: String) throws(EntityTagFault) {
        var scanner = ValueScanner(value)
        scanner.skipBlanks()
        if scanner.skip(UInt8(ascii: "*")) {
            scanner.skipBlanks()
            guard scanner.isAtEnd else { throw EntityTagFault() }
            self = .any
            return
        }
        var tags: [EntityTag] = []
        scanner.skipSeparators()
        while !scanner.isAtEnd {
            guard let tag = Self.tag(&scanner), scanner.endsElement() else {
                throw EntityTagFault()
            }
            tags.append(tag)
            scanner.skipSeparators()
        }
        guard !tags.isEmpty else { throw EntityTagFault() }
        self = .tags(tags)
    }

    /// [ "W/" ] DQUOTE *etagc DQUOTE; "W/" is case-sensitive, and there are no escapes.
    private static func tag(_ scanner: inout ValueScanner) -> EntityTag? {
        var isWeak = false
        if scanner.skip(UInt8(ascii: "W")) {
            guard scanner.skip(.slash) else { return nil }
            isWeak = true
        }
        guard scanner.skip(.doubleQuote) else { return nil }
        let opaque = scanner.text { $0 > .space && $0 != .doubleQuote && $0 != 0x7f } ?? ""
        guard scanner.skip(.doubleQuote) else { return nil }
        return EntityTag(opaque: opaque, isWeak: isWeak)
    }
}

/// A list of entity tags that does not follow the grammar.
package struct EntityTagFault: Error, Equatable, Sendable {}
