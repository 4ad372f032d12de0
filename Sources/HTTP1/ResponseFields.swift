/// The field lines of a response, kept as the bytes that will be sent.
///
/// The response encoder alone writes Date, Content-Length and Connection; they are not added here.
package struct ResponseFields: Sendable, Equatable {
    /// "Name: value" CRLF, once for each line.
    private(set) var bytes: [UInt8] = []

    package init() {}

    /// Appends a line. A control character in `value` is replaced by a space, so that no value can
    /// end its line and begin another or a body (RFC 9110 §5.5).
    package mutating func add(_ name: StaticString, _ value: String) {
        add(name) { $0.append(contentsOf: value.utf8) }
    }

    /// The same of a value that the program spells out.
    package mutating func add(_ name: StaticString, literal value: StaticString) {
        add(name) { bytes in value.withUTF8Buffer { bytes.append(contentsOf: $0) } }
    }

    /// - Parameter number: not negative.
    package mutating func add(_ name: StaticString, _ number: Int) {
        add(name) { ResponseEncoder.append(decimal: number, into: &$0) }
    }

    /// The same of a value that `write` appends to the line.
    @inline(__always)
    package mutating func add(_ name: StaticString, writing write: (inout [UInt8]) -> Void) {
        assert(ResponseFields.isOpen(name), "\(name) is not for handlers to set")
        // Enough for the lines that most responses have, so that the buffer seldom grows.
        if bytes.isEmpty { bytes.reserveCapacity(Self.usualBytes) }
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(.colon)
        bytes.append(.space)
        let start = bytes.count
        write(&bytes)
        if !ByteScan.isFieldContent(bytes.span, start..<bytes.count) {
            for index in start..<bytes.count where !bytes[index].isFieldContent {
                bytes[index] = .space
            }
        }
        bytes.append(.carriageReturn)
        bytes.append(.lineFeed)
    }

    /// A step's scalars take some 300 bytes.
    private static let usualBytes = 512

    /// Removes the lines of that name, then appends this one.
    package mutating func set(_ name: StaticString, _ value: String) {
        while let line = line(name) { bytes.removeSubrange(line.whole) }
        add(name, value)
    }

    /// The value of the first line of that name.
    package func first(_ name: StaticString) -> String? {
        line(name).map { text(bytes.span, $0.value) }
    }

    private func line(_ name: StaticString) -> (whole: Range<Int>, value: Range<Int>)? {
        let span = bytes.span
        var start = 0
        while start < span.count {
            var colon = start
            while span[colon] != .colon { colon += 1 }
            var end = colon
            while span[end] != .carriageReturn { end += 1 }
            if isSame(span, start..<colon, name) { return (start..<end + 2, colon + 2..<end) }
            start = end + 2
        }
        return nil
    }

    private static func isOpen(_ name: StaticString) -> Bool {
        let taken = ["date", "content-length", "connection", "transfer-encoding"]
        return !taken.contains(name.description.lowercased())
    }
}

package struct ResponseHead: Sendable, Equatable {
    package var status: Status
    package var fields: ResponseFields

    package init(status: Status, fields: ResponseFields = ResponseFields()) {
        self.status = status
        self.fields = fields
    }
}
