/// The framing of a chunked body (RFC 9112 §7.1), as a value that never sees a data byte.
///
/// The caller alternates: while `dataBytesAhead` is not zero, that many bytes are data, which it
/// may receive straight into their destination and then reports with `tookData`; otherwise it hands
/// the next bytes to `readFraming`, until `isComplete`. Trailer fields are checked and dropped.
package struct ChunkedDecoder: Sendable {
    private enum State: Sendable {
        case size(digits: Int)
        case blankBeforeExtension
        case chunkExtension
        case sizeEnd
        case data
        case dataReturn
        case dataEnd
        case trailerStart
        case trailerName
        case trailerValue
        case trailerEnd
        case lastEnd
        case complete
    }

    /// Data bytes that come next on the wire; zero while framing does.
    package private(set) var dataBytesAhead: UInt64 = 0
    private var state = State.size(digits: 0)
    private var size: UInt64 = 0
    private var extensionBytes = 0
    private var trailerBytes = 0
    private let limits: HTTPLimits

    package init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
    }

    /// Whether the last byte of the body, trailer section included, has been read.
    package var isComplete: Bool {
        if case .complete = state { true } else { false }
    }

    /// The next `count` data bytes have been taken; at most `dataBytesAhead`.
    package mutating func tookData(_ count: Int) {
        precondition(UInt64(count) <= dataBytesAhead, "took more data than the chunk holds")
        dataBytesAhead -= UInt64(count)
        if dataBytesAhead == 0, case .data = state { state = .dataReturn }
    }

    /// Reads framing from the start of `window` until data or the body's end is reached, or the
    /// window is used up. Returns the number of bytes read.
    package mutating func readFraming(
        _ window: UnsafeRawBufferPointer
    ) throws(ProtocolError) -> Int {
        try readFraming(Span(_unsafeBytes: window))
    }

    package mutating func readFraming(_ window: Span<UInt8>) throws(ProtocolError) -> Int {
        var index = 0
        while index < window.count {
            switch state {
            case .data, .complete: return index
            default: try read(window[index])
            }
            index += 1
        }
        return index
    }

    private mutating func read(_ byte: UInt8) throws(ProtocolError) {
        switch state {
        case .size(let digits): try readSize(byte, digits)
        case .blankBeforeExtension, .chunkExtension: try readExtension(byte)
        case .sizeEnd:
            try expect(byte, .lineFeed)
            dataBytesAhead = size
            state = size == 0 ? .trailerStart : .data
        case .dataReturn:
            try expect(byte, .carriageReturn)
            state = .dataEnd
        case .dataEnd:
            try expect(byte, .lineFeed)
            size = 0
            state = .size(digits: 0)
        case .trailerStart, .trailerName, .trailerValue, .trailerEnd: try readTrailer(byte)
        case .lastEnd:
            try expect(byte, .lineFeed)
            state = .complete
        case .data, .complete: break
        }
    }

    /// At most 15 digits, leading zeros included: more than any body may have, and no overflow.
    private mutating func readSize(_ byte: UInt8, _ digits: Int) throws(ProtocolError) {
        if let digit = byte.hexDigitValue {
            guard digits < 15 else {
                throw .malformed("A chunk size has more than 15 hexadecimal digits.")
            }
            size = size << 4 | UInt64(digit)
            state = .size(digits: digits + 1)
        } else if digits == 0 {
            throw .malformed("A chunk must begin with its size in hexadecimal digits.")
        } else {
            switch byte {
            case .carriageReturn: state = .sizeEnd
            case .space, .tab, .semicolon: try readExtension(byte)
            default: throw .malformed("A chunk size must be hexadecimal digits.")
            }
        }
    }

    /// Extensions are bounded over the whole body and otherwise ignored (RFC 9112 §7.1.1).
    private mutating func readExtension(_ byte: UInt8) throws(ProtocolError) {
        if byte == .carriageReturn, case .chunkExtension = state {
            state = .sizeEnd
            return
        }
        extensionBytes += 1
        guard extensionBytes <= limits.chunkExtensionBytes else {
            throw ProtocolError(
                .malformedRequest,
                "The chunk extensions are longer than \(limits.chunkExtensionBytes) bytes.",
                limit: limits.chunkExtensionBytes)
        }
        switch (state, byte) {
        case (.chunkExtension, _) where byte.isFieldContent: break
        case (_, .semicolon): state = .chunkExtension
        case (.size, .space), (.size, .tab), (.blankBeforeExtension, .space),
            (.blankBeforeExtension, .tab):
            state = .blankBeforeExtension
        default: throw .malformed("A chunk size is followed by something that is no extension.")
        }
    }

    private mutating func readTrailer(_ byte: UInt8) throws(ProtocolError) {
        if byte == .carriageReturn, case .trailerStart = state {
            state = .lastEnd
            return
        }
        trailerBytes += 1
        guard trailerBytes <= limits.trailerSectionBytes else {
            throw ProtocolError(
                .fieldsTooLarge,
                "The trailer section is longer than \(limits.trailerSectionBytes) bytes.",
                limit: limits.trailerSectionBytes)
        }
        switch (state, byte) {
        case (.trailerStart, _) where byte.isToken: state = .trailerName
        case (.trailerName, _) where byte.isToken: break
        case (.trailerName, .colon): state = .trailerValue
        case (.trailerValue, _) where byte.isFieldContent: break
        case (.trailerValue, .carriageReturn): state = .trailerEnd
        case (.trailerEnd, .lineFeed): state = .trailerStart
        default: throw .malformed("A trailer line is malformed.")
        }
    }

    private func expect(_ byte: UInt8, _ expected: UInt8) throws(ProtocolError) {
        guard byte == expected else {
            throw .malformed("Chunk sizes and chunk data must each end with CR LF.")
        }
    }
}
