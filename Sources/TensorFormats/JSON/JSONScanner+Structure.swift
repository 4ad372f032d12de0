extension JSONScanner {
    /// Reads white space and at most one structural character or the start of a token.
    mutating func readStructure<Handler: JSONHandler>(
        _ window: inout Window, _ handler: inout Handler
    ) throws(Handler.Fault) {
        while Self.isWhiteSpace(window.byte) {
            window.index += 1
            guard window.hasMore else { return }
        }
        switch state {
        case .value, .firstElement:
            try readValueStart(&window, &handler)
        case .afterValue:
            try readSeparator(&window, &handler)
        case .colon:
            guard window.byte == UInt8(ascii: ":") else {
                throw fault(offset(window), .expectedColon, Handler.self)
            }
            window.index += 1
            state = .value
        case .firstKey, .key:
            try readKeyStart(&window, &handler)
        case .string, .number, .literal:
            break
        }
    }

    private func offset(_ window: Window) -> Int {
        windowOffset + window.index
    }

    private mutating func readValueStart<Handler: JSONHandler>(
        _ window: inout Window, _ handler: inout Handler
    ) throws(Handler.Fault) {
        switch window.byte {
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            try startNumber(&window, &handler)
        case UInt8(ascii: "["):
            try open(.array, window, Handler.self)
            window.index += 1
            state = .firstElement
            try handler.beginArray()
        case UInt8(ascii: "{"):
            try open(.object, window, Handler.self)
            window.index += 1
            names.append([])
            state = .firstKey
            try handler.beginObject()
        case UInt8(ascii: "\""):
            startString(&window, isKey: false)
        case UInt8(ascii: "]") where state == .firstElement:
            try closeArray(&window, &handler)
        case UInt8(ascii: "n"): state = .literal(.null, matched: 0)
        case UInt8(ascii: "t"): state = .literal(.true, matched: 0)
        case UInt8(ascii: "f"): state = .literal(.false, matched: 0)
        case let byte:
            throw fault(offset(window), unexpected(byte, at: offset(window)), Handler.self)
        }
    }

    private func unexpected(_ byte: UInt8, at offset: Int) -> JSONFault.Kind {
        switch byte {
        case 0xEF where offset == 0: .byteOrderMark
        case UInt8(ascii: "N"), UInt8(ascii: "I"): .notANumberLiteral
        case UInt8(ascii: "+"): .leadingPlus
        case UInt8(ascii: "]") where containers.last == .array,
            UInt8(ascii: ",") where containers.last == .array:
            .missingElement
        default: .expectedValue
        }
    }

    private mutating func open<Handler: JSONHandler>(
        _ container: Container, _ window: Window, _ handler: Handler.Type
    ) throws(Handler.Fault) {
        guard containers.count < depthLimit else {
            throw fault(offset(window), .tooDeep(limit: depthLimit), Handler.self)
        }
        containers.append(container)
    }

    private mutating func closeArray<Handler: JSONHandler>(
        _ window: inout Window, _ handler: inout Handler
    ) throws(Handler.Fault) {
        containers.removeLast()
        window.index += 1
        state = .afterValue
        try handler.endArray()
    }

    private mutating func closeObject<Handler: JSONHandler>(
        _ window: inout Window, _ handler: inout Handler
    ) throws(Handler.Fault) {
        containers.removeLast()
        names.removeLast()
        window.index += 1
        state = .afterValue
        try handler.endObject()
    }

    private mutating func readSeparator<Handler: JSONHandler>(
        _ window: inout Window, _ handler: inout Handler
    ) throws(Handler.Fault) {
        switch (containers.last, window.byte) {
        case (.array, UInt8(ascii: ",")):
            window.index += 1
            state = .value
        case (.array, UInt8(ascii: "]")):
            try closeArray(&window, &handler)
        case (.object, UInt8(ascii: ",")):
            window.index += 1
            state = .key
        case (.object, UInt8(ascii: "}")):
            try closeObject(&window, &handler)
        case (.array, _):
            throw fault(offset(window), .expectedCommaOrBracket, Handler.self)
        case (.object, _):
            throw fault(offset(window), .expectedCommaOrBrace, Handler.self)
        case (nil, _):
            throw fault(offset(window), .trailingText, Handler.self)
        }
    }

    private mutating func readKeyStart<Handler: JSONHandler>(
        _ window: inout Window, _ handler: inout Handler
    ) throws(Handler.Fault) {
        switch window.byte {
        case UInt8(ascii: "\""):
            startString(&window, isKey: true)
        case UInt8(ascii: "}") where state == .firstKey:
            try closeObject(&window, &handler)
        case UInt8(ascii: "}"):
            throw fault(offset(window), .trailingComma, Handler.self)
        default:
            throw fault(offset(window), .expectedKey, Handler.self)
        }
    }

    mutating func readLiteral<Handler: JSONHandler>(
        _ window: inout Window, _ literal: Literal, _ matched: Int, _ handler: inout Handler
    ) throws(Handler.Fault) {
        let spelling = literal.spelling
        guard window.byte == spelling.utf8Start[matched] else {
            throw fault(offset(window), .malformedLiteral, Handler.self)
        }
        window.index += 1
        guard matched + 1 == spelling.utf8CodeUnitCount else {
            state = .literal(literal, matched: matched + 1)
            return
        }
        state = .afterValue
        switch literal {
        case .null: try handler.null()
        case .true: try handler.bool(true)
        case .false: try handler.bool(false)
        }
    }

    /// A name is complete: it must be new in its object.
    mutating func endKey<Handler: JSONHandler>(
        _ name: String, _ handler: inout Handler
    ) throws(Handler.Fault) {
        guard names[names.count - 1].insert(ExactName(name)).inserted else {
            throw fault(tokenStart, .duplicateKey(name), Handler.self)
        }
        state = .colon
        try handler.key(name)
    }
}
