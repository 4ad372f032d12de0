/// The content codings that a client accepts (RFC 9110 §12.5.3).
package struct AcceptEncoding: Equatable, Sendable {
    /// In thousandths, by name in small letters; of a repeated name the most generous.
    private var qualities: [String: Int] = [:]

    /// What an answer that could be coded is to be.
    package enum Choice: Equatable, Sendable {
        case identity
        /// - isRequired: the client will not have it as it is.
        case coded(ContentCoding, isRequired: Bool)
        /// The client accepts nothing that can be sent.
        case nothing
    }

    /// - Parameter value: the combined field value. A malformed one is nil, and then nothing is
    ///   known of the client's wishes; a list of none asks for identity.
    package init?(_ value: String) {
        var scanner = ValueScanner(value)
        scanner.skipSeparators()
        while !scanner.isAtEnd {
            guard let (name, quality) = Self.element(&scanner), scanner.endsElement() else {
                return nil
            }
            qualities[name] = max(quality, qualities[name] ?? 0)
            scanner.skipSeparators()
        }
    }

    /// The most welcome coding; among equals ours in their order, and identity last, since a
    /// client that names others beside it would hardly do so in vain.
    package var choice: Choice {
        var best: (coding: ContentCoding, quality: Int)?
        for coding in ContentCoding.allCases {
            let quality = quality(of: coding.rawValue) ?? 0
            if quality > best?.quality ?? 0 { best = (coding, quality) }
        }
        // Unlisted, identity is acceptable (§12.5.3), and less welcome than what is listed.
        let identity = quality(of: "identity")
        guard let best else { return identity == 0 ? .nothing : .identity }
        if let identity, identity > best.quality { return .identity }
        return .coded(best.coding, isRequired: identity == 0)
    }

    /// nil when neither it nor "*", which stands for all that is not listed, is there.
    private func quality(of name: String) -> Int? { qualities[name] ?? qualities["*"] }

    /// codings [ weight ]
    private static func element(_ scanner: inout ValueScanner) -> (String, Int)? {
        guard let name = scanner.token(), let parameters = scanner.parameters(),
            parameters.count <= 1
        else { return nil }
        let known = ContentCoding(name: name)?.rawValue ?? name.lowercased()
        guard let weight = parameters.first else { return (known, 1000) }
        guard weight.name == "q", let quality = Weight.thousandths(weight.value) else {
            return nil
        }
        return (known, quality)
    }
}
