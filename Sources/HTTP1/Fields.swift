/// The field section of one request: lines in their order, names compared without case, and no
/// String made until one is asked for. It is the head's bytes, copied once, and ranges into them.
package struct Fields: Sendable {
    let bytes: [UInt8]
    let lines: [FieldLine]

    /// Number of field lines.
    package var count: Int { lines.count }

    /// The value of the first line of that name, without the whitespace around it.
    package func first(_ name: StaticString) -> String? {
        let span = bytes.span
        for line in lines where isSame(span, line.name, name) { return text(span, line.value) }
        return nil
    }

    /// All values of that name joined with ", " (RFC 9110 §5.3); nil when there is no such line.
    package func combined(_ name: StaticString) -> String? {
        let span = bytes.span
        var combined: String?
        for line in lines where isSame(span, line.name, name) {
            let value = text(span, line.value)
            combined = combined.map { "\($0), \(value)" } ?? value
        }
        return combined
    }

    /// The value of every line of that name, in order.
    package func values(_ name: StaticString) -> [String] {
        let span = bytes.span
        var values: [String] = []
        for line in lines where isSame(span, line.name, name) {
            values.append(text(span, line.value))
        }
        return values
    }

    /// Whether there is one line of that name and its value is this one, compared without case:
    /// what most requests say, so that it need not be taken apart.
    package func says(_ name: StaticString, _ value: StaticString) -> Bool {
        let span = bytes.span
        var isSaid = false
        for line in lines where isSame(span, line.name, name) {
            guard !isSaid, isSame(span, line.value, value) else { return false }
            isSaid = true
        }
        return isSaid
    }

    package func contains(_ name: StaticString) -> Bool {
        let span = bytes.span
        for line in lines where isSame(span, line.name, name) { return true }
        return false
    }

    /// Whether a comma-separated list of tokens holds `token`, compared without case.
    package func hasToken(_ token: StaticString, in name: StaticString) -> Bool {
        let span = bytes.span
        for line in lines where isSame(span, line.name, name) {
            var elements = ListElements(line.value)
            while let element = elements.next(in: span) {
                if isSame(span, element, token) { return true }
            }
        }
        return false
    }
}

/// Where one field line's name and value lie in the head's bytes.
struct FieldLine: Sendable, Equatable {
    let name: Range<Int>
    let value: Range<Int>
}

/// The elements of a comma-separated list without quoted strings, trimmed. Empty ones are passed
/// over, as a recipient must (RFC 9110 §5.6.1.2); the field section's size bounds their number.
struct ListElements {
    private var rest: Range<Int>?

    init(_ value: Range<Int>) { rest = value }

    mutating func next(in bytes: Span<UInt8>) -> Range<Int>? {
        while let range = rest {
            var comma = range.lowerBound
            while comma < range.upperBound, bytes[comma] != .comma { comma += 1 }
            rest = comma < range.upperBound ? comma + 1..<range.upperBound : nil
            let element = trimmed(bytes, range.lowerBound..<comma)
            if !element.isEmpty { return element }
        }
        return nil
    }
}
