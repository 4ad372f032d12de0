extension JSONScanner {
    /// Where inside a string the last byte ended. Every phase but `plain` is one in which the
    /// string must not end.
    enum StringPhase {
        case plain
        /// Inside a UTF-8 sequence: how many bytes are missing, and which the next may be.
        case continuation(missing: Int, allowed: ClosedRange<UInt8>)
        /// After a backslash.
        case escape
        /// Inside the four digits of `\u`.
        case unicode(digits: Int, value: UInt16, high: UInt16?)
        /// After the first half of a surrogate pair: a backslash must follow …
        case lowBackslash(high: UInt16)
        /// … and then a `u`.
        case lowEscape(high: UInt16)
    }

    mutating func startString(_ window: inout Window, isKey: Bool) {
        tokenStart = windowOffset + window.index
        window.index += 1
        token.removeAll(keepingCapacity: true)
        stringPhase = .plain
        state = .string(isKey: isKey)
    }

    /// Reads to the end of the string, or of the window.
    mutating func readString<Handler: JSONHandler>(
        _ window: inout Window, isKey: Bool, _ handler: inout Handler
    ) throws(Handler.Fault) {
        while window.hasMore {
            if case .plain = stringPhase {
                takePlainBytes(&window)
                try checkTokenLength(Handler.self)
                guard window.hasMore else { return }
                if window.byte == UInt8(ascii: "\"") {
                    window.index += 1
                    return try endString(isKey: isKey, &handler)
                }
            }
            do {
                try step(window.byte)
            } catch {
                throw fault(windowOffset + window.index, error.kind, Handler.self)
            }
            window.index += 1
            try checkTokenLength(Handler.self)
        }
    }

    private mutating func takePlainBytes(_ window: inout Window) {
        let start = window.index
        while window.hasMore, window.byte < 0x80, window.byte >= 0x20,
            window.byte != UInt8(ascii: "\""), window.byte != UInt8(ascii: "\\")
        {
            window.index += 1
        }
        token.append(
            contentsOf: UnsafeRawBufferPointer(
                start: window.base + start, count: window.index - start))
    }

    private func checkTokenLength<Handler: JSONHandler>(
        _ handler: Handler.Type
    ) throws(Handler.Fault) {
        guard token.count <= tokenLimit else {
            throw fault(tokenStart, .tokenTooLong(limitBytes: tokenLimit), Handler.self)
        }
    }

    private mutating func endString<Handler: JSONHandler>(
        isKey: Bool, _ handler: inout Handler
    ) throws(Handler.Fault) {
        let text = String(decoding: token, as: UTF8.self)
        token.removeAll(keepingCapacity: true)
        if isKey {
            try endKey(text, &handler)
        } else {
            state = .afterValue
            try handler.string(text)
        }
    }
}

extension JSONScanner {
    private struct StringFault: Error {
        let kind: JSONFault.Kind
    }

    /// One byte that is not plain ASCII text.
    private mutating func step(_ byte: UInt8) throws(StringFault) {
        switch stringPhase {
        case .plain:
            try startSequence(byte)
        case .continuation(let missing, let allowed):
            guard allowed.contains(byte) else { throw StringFault(kind: .malformedUTF8) }
            token.append(byte)
            stringPhase =
                missing == 1 ? .plain : .continuation(missing: missing - 1, allowed: 0x80...0xBF)
        case .escape:
            try unescape(byte)
        case .unicode(let digits, let value, let high):
            guard let digit = Self.hexadecimal(byte) else {
                throw StringFault(kind: .malformedEscape)
            }
            let value = value << 4 | digit
            if digits < 3 {
                stringPhase = .unicode(digits: digits + 1, value: value, high: high)
            } else {
                try endUnicodeEscape(value, high: high)
            }
        case .lowBackslash(let high):
            guard byte == UInt8(ascii: "\\") else { throw StringFault(kind: .loneSurrogate) }
            stringPhase = .lowEscape(high: high)
        case .lowEscape(let high):
            guard byte == UInt8(ascii: "u") else { throw StringFault(kind: .loneSurrogate) }
            stringPhase = .unicode(digits: 0, value: 0, high: high)
        }
    }

    private mutating func startSequence(_ byte: UInt8) throws(StringFault) {
        if byte == UInt8(ascii: "\\") {
            stringPhase = .escape
            return
        }
        guard byte >= 0x20 else { throw StringFault(kind: .controlCharacter) }
        guard let (length, second) = UTF8Check.sequence(byte) else {
            throw StringFault(kind: .malformedUTF8)
        }
        stringPhase = .continuation(missing: length - 1, allowed: second)
        token.append(byte)
    }

    private mutating func unescape(_ byte: UInt8) throws(StringFault) {
        stringPhase = .plain
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): token.append(byte)
        case UInt8(ascii: "b"): token.append(0x08)
        case UInt8(ascii: "f"): token.append(0x0C)
        case UInt8(ascii: "n"): token.append(0x0A)
        case UInt8(ascii: "r"): token.append(0x0D)
        case UInt8(ascii: "t"): token.append(0x09)
        case UInt8(ascii: "u"): stringPhase = .unicode(digits: 0, value: 0, high: nil)
        default: throw StringFault(kind: .malformedEscape)
        }
    }

    private mutating func endUnicodeEscape(
        _ unit: UInt16, high: UInt16?
    ) throws(StringFault) {
        let value: UInt32
        switch (unit, high) {
        case (0xD800...0xDBFF, nil):
            stringPhase = .lowBackslash(high: unit)
            return
        case (0xDC00...0xDFFF, let high?):
            value = 0x10000 + (UInt32(high - 0xD800) << 10 | UInt32(unit - 0xDC00))
        case (0xDC00...0xDFFF, nil), (_, _?):
            throw StringFault(kind: .loneSurrogate)
        case (_, nil):
            value = UInt32(unit)
        }
        guard let scalar = Unicode.Scalar(value) else {
            throw StringFault(kind: .loneSurrogate)
        }
        token.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        stringPhase = .plain
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
