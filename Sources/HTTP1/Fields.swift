/// The field section of one request: lines in their order, names compared without case, and no
/// String made until one is asked for. It is the head's bytes, copied once, and ranges into them.
package struct Fields: Sendable {
    let bytes: [UInt8]
    let lines: [FieldLine]
    /// The marks of all names. Most fields that are looked for are not there, and their mark says
    /// so without a look at the lines.
    private let marks: NameMark

    init(bytes: [UInt8], lines: [FieldLine]) {
        self.bytes = bytes
        self.lines = lines
        var marks = NameMark()
        let span = bytes.span
        for line in lines { marks.formUnion(NameMark(span, line.name)) }
        self.marks = marks
    }

    /// Number of field lines.
    package var count: Int { lines.count }

    /// The value of the first line of that name, without the whitespace around it.
    package func first(_ name: StaticString) -> String? {
        let span = bytes.span
        for index in candidates(name) where isSame(span, lines[index].name, name) {
            return text(span, lines[index].value)
        }
        return nil
    }

    /// All values of that name joined with ", " (RFC 9110 §5.3); nil when there is no such line.
    package func combined(_ name: StaticString) -> String? {
        let span = bytes.span
        var combined: String?
        for index in candidates(name) where isSame(span, lines[index].name, name) {
            let value = text(span, lines[index].value)
            combined = combined.map { "\($0), \(value)" } ?? value
        }
        return combined
    }

    /// The value of every line of that name, in order.
    package func values(_ name: StaticString) -> [String] {
        let span = bytes.span
        var values: [String] = []
        for index in candidates(name) where isSame(span, lines[index].name, name) {
            values.append(text(span, lines[index].value))
        }
        return values
    }

    /// Whether there is one line of that name and its value is this one, compared without case:
    /// what most requests say, so that it need not be taken apart.
    package func says(_ name: StaticString, _ value: StaticString) -> Bool {
        let span = bytes.span
        var isSaid = false
        for index in candidates(name) where isSame(span, lines[index].name, name) {
            guard !isSaid, isSame(span, lines[index].value, value) else { return false }
            isSaid = true
        }
        return isSaid
    }

    package func contains(_ name: StaticString) -> Bool {
        let span = bytes.span
        for index in candidates(name) where isSame(span, lines[index].name, name) { return true }
        return false
    }

    /// Whether a comma-separated list of tokens holds `token`, compared without case.
    package func hasToken(_ token: StaticString, in name: StaticString) -> Bool {
        let span = bytes.span
        for index in candidates(name) where isSame(span, lines[index].name, name) {
            var elements = ListElements(lines[index].value)
            while let element = elements.next(in: span) {
                if isSame(span, element, token) { return true }
            }
        }
        return false
    }

    /// No lines when none has that name, otherwise all of them.
    @inline(__always)
    private func candidates(_ name: StaticString) -> Range<Int> {
        0..<(marks.isDisjoint(with: NameMark(name)) ? 0 : lines.count)
    }
}

/// One of 64 bits for a field name, whatever its case; different names may share one.
private struct NameMark: OptionSet {
    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    /// - Parameter range: not empty.
    init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        self.init(
            count: range.count, first: bytes[range.lowerBound], last: bytes[range.upperBound - 1])
    }

    @inline(__always)
    init(_ name: StaticString) {
        let count = name.utf8CodeUnitCount
        self.init(count: count, first: name.utf8Start[0], last: name.utf8Start[count - 1])
    }

    /// The bit that tells lower case from upper case is set in both letters.
    @inline(__always)
    private init(count: Int, first: UInt8, last: UInt8) {
        let sum = count &* 7 &+ Int(first | 0x20) &* 3 &+ Int(last | 0x20)
        rawValue = 1 &<< UInt64(truncatingIfNeeded: sum)
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
