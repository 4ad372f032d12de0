/// Bytes to request heads, strictly by RFC 9112 and RFC 9110.
///
/// The caller owns a window that starts at the first byte not yet consumed, appends what it
/// receives, and calls `parse` again. The parser remembers how far it has come, so a head that
/// arrives byte by byte still costs time linear in its length; and what it decides depends on the
/// bytes alone, not on how they were cut. After a head it is ready for the next one; after an error
/// the connection is over.
package struct RequestParser: Sendable {
    package enum Outcome: Sendable {
        case needMore
        /// A head, and how many bytes of the window it took; the body begins behind them.
        case head(RequestHead, consumedBytes: Int)
    }

    private let limits: HTTPLimits
    /// Nil while the request line is still to come.
    private var requestLine: RequestLine?
    /// Where the field section begins, once there is a request line.
    private var sectionStart = 0
    /// No line feed lies between `lineStart` and this index.
    private var scanned = 0
    private var lineStart = 0
    private var lines: [FieldLine] = []

    package init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
    }

    /// - Parameter window: all bytes since the last head; it may move but only grow between calls.
    ///
    /// Unsafe part: `window` stays valid and unchanged during the call, and nothing keeps it after.
    package mutating func parse(
        _ window: UnsafeRawBufferPointer
    ) throws(ProtocolError) -> Outcome {
        try parse(Span(_unsafeBytes: window))
    }

    package mutating func parse(_ window: Span<UInt8>) throws(ProtocolError) -> Outcome {
        let line: RequestLine
        if let known = requestLine {
            line = known
        } else if let read = try readRequestLine(window) {
            line = read
        } else {
            return .needMore
        }
        guard let end = try readFieldLines(window) else {
            requestLine = line
            return .needMore
        }
        let fields = Fields(bytes: copy(window, 0..<end), lines: lines)
        requestLine = nil
        scanned = 0
        lineStart = 0
        lines = []
        return .head(try RequestHead(line: line, fields: fields), consumedBytes: end)
    }

    private mutating func readRequestLine(
        _ window: Span<UInt8>
    ) throws(ProtocolError) -> RequestLine? {
        guard try skipsEmptyLine(window), lineStart < window.count else { return nil }
        // Said at once, because a peer that speaks TLS here may never send a line feed.
        guard window[lineStart].isToken else {
            throw .malformed("The request line must begin with a method token and one space.")
        }
        guard let line = try nextLine(window, lineStart + limits.requestLineBytes) else {
            if scanned - lineStart < limits.requestLineBytes + 2 { return nil }
            throw ProtocolError(
                .uriTooLong, "The request line is longer than \(limits.requestLineBytes) bytes.",
                limit: limits.requestLineBytes)
        }
        sectionStart = lineStart
        return try RequestLine(window, line)
    }

    /// One empty line before a request is forgiven (RFC 9112 §2.2). False when its second byte is
    /// still to come.
    private mutating func skipsEmptyLine(_ window: Span<UInt8>) throws(ProtocolError) -> Bool {
        guard lineStart == 0, window.count > 0, window[0] == .carriageReturn else { return true }
        guard window.count > 1 else { return false }
        guard window[1] == .lineFeed else { throw Self.bareLineEnd }
        lineStart = 2
        scanned = 2
        return true
    }

    /// Reads field lines up to the empty one; the index behind it, or nil when more is needed.
    private mutating func readFieldLines(
        _ window: Span<UInt8>
    ) throws(ProtocolError) -> Int? {
        let limit = sectionStart + limits.fieldSectionBytes
        while true {
            guard let line = try nextLine(window, limit) else {
                if scanned < limit + 2 { return nil }
                throw sectionTooLong
            }
            if line.isEmpty { return lineStart }
            guard lineStart <= limit else { throw sectionTooLong }
            guard lines.count < limits.fieldCount else {
                throw ProtocolError(
                    .fieldsTooLarge, "The head has more than \(limits.fieldCount) fields.",
                    limit: limits.fieldCount)
            }
            if lines.isEmpty { lines.reserveCapacity(8) }
            lines.append(try FieldLine(window, line))
        }
    }

    /// The next line without its CRLF, or nil when no line feed is found. A content byte at or
    /// behind `limit` is never part of a line: two more bytes are looked at, for the CRLF.
    private mutating func nextLine(
        _ window: Span<UInt8>, _ limit: Int
    ) throws(ProtocolError) -> Range<Int>? {
        let end = min(window.count, limit + 2)
        scanned = ByteScan.lineFeed(window, scanned..<max(scanned, end))
        guard scanned < end else { return nil }
        // Lines end with CRLF; a bare LF is what lets two parsers see two different requests.
        guard scanned > lineStart, window[scanned - 1] == .carriageReturn else {
            throw Self.bareLineEnd
        }
        let line = lineStart..<scanned - 1
        scanned += 1
        lineStart = scanned
        return line
    }

    private var sectionTooLong: ProtocolError {
        ProtocolError(
            .fieldsTooLarge,
            "The field section is longer than \(limits.fieldSectionBytes) bytes.",
            limit: limits.fieldSectionBytes)
    }

    private static let bareLineEnd = ProtocolError.malformed("Lines must end with CR LF.")
}

extension FieldLine {
    /// - Parameter range: the line without its CRLF; not empty.
    init(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(ProtocolError) {
        var colon = range.lowerBound
        while colon < range.upperBound, bytes[colon].isToken { colon += 1 }
        // This also refuses folded lines and whitespace before the colon (RFC 9112 §5.1, §5.2).
        guard colon > range.lowerBound, colon < range.upperBound, bytes[colon] == .colon else {
            throw .malformed("A field line must be a token, a colon and a value.")
        }
        guard ByteScan.isFieldContent(bytes, colon + 1..<range.upperBound) else {
            throw .malformed("A field value holds a control character.")
        }
        name = range.lowerBound..<colon
        value = trimmed(bytes, colon + 1..<range.upperBound)
    }
}

private func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    bytes.extracting(range).withUnsafeBufferPointer { Array($0) }
}
