extension JSONScanner {
    /// In front of a number: hands a run of plain numbers to the tight loop when the handler
    /// offers memory for it, and reads what is left as a token.
    mutating func startNumber<Handler: JSONHandler>(
        _ window: inout Window, _ handler: inout Handler
    ) throws(Handler.Fault) {
        if containers.last == .array, window.count - window.index > QuickNumber.reach,
            let run = try handler.numberRun(), run.capacity > 0
        {
            let outcome = run.read(
                window.base + window.index, window.base + window.count, sharing: sharing)
            if outcome.count > 0 {
                handler.wrote(outcome.count)
                window.index = outcome.position - window.base
                state = outcome.isAtBracket ? .afterValue : .value
                return
            }
        }
        tokenStart = windowOffset + window.index
        state = .number
    }

    /// Takes the characters that numbers consist of; the first other one ends the token, and
    /// only then is it judged. So it makes no difference where a window ends.
    mutating func readNumber<Handler: JSONHandler>(
        _ window: inout Window, _ handler: inout Handler
    ) throws(Handler.Fault) {
        let start = window.index
        while window.hasMore, Self.isNumberCharacter(window.byte) { window.index += 1 }
        guard token.count + window.index - start <= tokenLimit else {
            throw fault(
                tokenStart + tokenLimit, .tokenTooLong(limitBytes: tokenLimit), Handler.self)
        }
        let part = UnsafeRawBufferPointer(
            start: window.base + start, count: window.index - start)
        if window.hasMore, token.isEmpty {
            try emitNumber(part, &handler)
        } else {
            token.append(contentsOf: part)
            if window.hasMore { try endNumber(&handler) }
        }
    }

    /// The token is complete.
    mutating func endNumber<Handler: JSONHandler>(
        _ handler: inout Handler
    ) throws(Handler.Fault) {
        let text = token
        token.removeAll()
        try text.withUnsafeBufferPointer { (bytes) throws(Handler.Fault) in
            try emitNumber(UnsafeRawBufferPointer(bytes), &handler)
        }
    }

    private mutating func emitNumber<Handler: JSONHandler>(
        _ text: UnsafeRawBufferPointer, _ handler: inout Handler
    ) throws(Handler.Fault) {
        let number: DecimalNumber
        do {
            number = try DecimalNumber(text)
        } catch {
            throw fault(tokenStart + error.index, error.kind, Handler.self)
        }
        state = .afterValue
        try handler.number(number, text)
    }

    private static func isNumberCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"),
            UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default:
            false
        }
    }
}
