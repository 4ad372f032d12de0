/// The media types that a client accepts (RFC 9110 §12.5.1).
package struct Accept: Equatable, Sendable {
    private let ranges: [MediaRange]

    private struct MediaRange: Equatable {
        let type: MediaType
        /// In thousandths.
        let quality: Int
        /// How exactly it names a type: */*, type/*, type/subtype, and more with parameters.
        let precision: Int
    }

    /// - Parameter value: the combined field value. An absent or empty field accepts everything.
    package init(_ value: String?) throws(AcceptFault) {
        var ranges: [MediaRange] = []
        var scanner = ValueScanner(value ?? "")
        scanner.skipSeparators()
        while !scanner.isAtEnd {
            guard let range = Self.range(&scanner), scanner.endsElement() else {
                throw AcceptFault()
            }
            ranges.append(range)
            scanner.skipSeparators()
        }
        self.ranges = ranges
    }

    /// How welcome `type` is, in thousandths; 0 is not at all. The most precise range decides,
    /// and of equally precise ones the most generous.
    package func quality(of type: MediaType) -> Int {
        if ranges.isEmpty { return 1000 }
        var best: MediaRange?
        for range in ranges where Self.covers(range, type) {
            guard let current = best else {
                best = range
                continue
            }
            if (range.precision, range.quality) > (current.precision, current.quality) {
                best = range
            }
        }
        return best?.quality ?? 0
    }

    /// The index of the most welcome type, the earlier one among equals; nil when none is accepted.
    package func preferred(among types: [MediaType]) -> Int? {
        var best: (index: Int, quality: Int)?
        for (index, type) in types.enumerated() {
            let quality = quality(of: type)
            if quality > best?.quality ?? 0 { best = (index, quality) }
        }
        return best?.index
    }

    private static func covers(_ range: MediaRange, _ type: MediaType) -> Bool {
        let wanted = range.type
        guard wanted.type == "*" || wanted.type == type.type,
            wanted.subtype == "*" || wanted.subtype == type.subtype
        else { return false }
        return wanted.parameters.allSatisfy { type.parameters.contains($0) }
    }

    private static func range(_ scanner: inout ValueScanner) -> MediaRange? {
        guard let whole = MediaType(&scanner) else { return nil }
        if whole.type == "*", whole.subtype != "*" { return nil }
        var quality = 1000
        var parameters: [MediaType.Parameter] = []
        for parameter in whole.parameters {
            // What follows the weight is an extension that no recipient uses any more.
            if parameter.name == "q" {
                guard let weight = Weight.thousandths(parameter.value) else { return nil }
                quality = weight
                break
            }
            // Clients write charset out of habit, also where the type knows no such parameter.
            if parameter.name != "charset" { parameters.append(parameter) }
        }
        let named = (whole.type == "*" ? 0 : 1) + (whole.subtype == "*" ? 0 : 1)
        return MediaRange(
            type: MediaType(whole.type, whole.subtype, parameters), quality: quality,
            precision: named + parameters.count)
    }
}

/// An Accept field that does not follow the grammar.
package struct AcceptFault: Error, Equatable, Sendable {}
