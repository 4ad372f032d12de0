/// How long a request's body is. Decided here and nowhere else (RFC 9112 §6): two places that
/// disagree about a length are what request smuggling is made of.
package enum BodyFraming: Hashable, Sendable {
    case none
    /// Content-Length, in bytes.
    case length(UInt64)
    case chunked

    /// Whether body bytes follow the head.
    package var hasBody: Bool {
        switch self {
        case .none, .length(0): false
        case .length, .chunked: true
        }
    }

    static func decide(_ fields: Fields, _ version: Version) throws(ProtocolError) -> BodyFraming {
        let span = fields.bytes.span
        var length: Range<Int>?
        var codings = TransferCodings()
        for line in fields.lines {
            if isSame(span, line.name, "content-length") {
                // RFC 9110 §8.6 allows refusing equal ones too: whoever repeats it is broken.
                guard length == nil else {
                    throw .malformed("Content-Length is given more than once.")
                }
                length = line.value
            } else if isSame(span, line.name, "transfer-encoding") {
                try codings.add(span, line.value)
            }
        }
        guard codings.isPresent else {
            guard let length else { return .none }
            return .length(try contentLength(span, length))
        }
        // RFC 9112 §6.1: both together, or a coding from HTTP/1.0, is faulty framing.
        guard length == nil else {
            throw .malformed("Content-Length and Transfer-Encoding exclude each other.")
        }
        guard version == .http11 else {
            throw .malformed("HTTP/1.0 knows no Transfer-Encoding.")
        }
        try codings.check()
        return .chunked
    }

    /// 1*DIGIT and nothing else (RFC 9110 §8.6).
    private static func contentLength(
        _ bytes: Span<UInt8>, _ range: Range<Int>
    ) throws(ProtocolError) -> UInt64 {
        var value: UInt64 = 0
        for index in range {
            guard bytes[index].isDigit else {
                throw .malformed("Content-Length must be decimal digits.")
            }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(bytes[index] - 0x30))
            guard !overflow, !carry else {
                throw .malformed("Content-Length exceeds 64 bits.")
            }
            value = sum
        }
        guard !range.isEmpty else { throw .malformed("Content-Length must be decimal digits.") }
        return value
    }
}

/// What the Transfer-Encoding lines of one head name, in order (RFC 9112 §6.1).
private struct TransferCodings {
    private(set) var isPresent = false
    private var hasUnknown = false
    private var endsChunked = false

    mutating func add(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(ProtocolError) {
        isPresent = true
        var elements = ListElements(value)
        while let element = elements.next(in: bytes) {
            guard bytes[element.lowerBound].isToken else {
                throw .malformed("Transfer-Encoding is not a list of codings.")
            }
            // Nothing may follow `chunked`, itself included (RFC 9112 §7.1).
            guard !endsChunked else {
                throw .malformed("In Transfer-Encoding, chunked must be the last coding.")
            }
            if isSame(bytes, element, "chunked") {
                endsChunked = true
            } else {
                hasUnknown = true
            }
        }
    }

    /// Without a final `chunked` the body's end is unknown: 400 (RFC 9112 §6.3). With one, any
    /// other coding is merely not implemented: 501 (RFC 9112 §6.1).
    func check() throws(ProtocolError) {
        guard endsChunked else {
            throw .malformed("In Transfer-Encoding, chunked must be the last coding.")
        }
        guard !hasUnknown else {
            throw ProtocolError(
                .notImplemented, "Of the transfer codings only chunked is implemented.")
        }
    }
}
