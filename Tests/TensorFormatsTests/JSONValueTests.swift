import Testing

@testable import TensorFormats

@Suite struct JSONValueTests {
    @Test func valuesKeepTheirOrderAndKind() throws {
        let text = #" {"b" : [1, -2.5e3, true, false, null, "x\"y"], "a": {"": {}, "e":[]}} "#
        let value = try parse(Array(text.utf8))
        #expect(
            written(value) == #"{"b":[1,-2500,true,false,null,"x\"y"],"a":{"":{},"e":[]}}"#)
        #expect(value["a"]?["e"]?.kind == "an array")
        #expect(value["c"] == nil)
    }

    @Test func integersAreKnown() throws {
        func integer(_ text: String) throws -> Int? { try parse(Array(text.utf8)).integer }
        #expect(try integer("12") == 12)
        #expect(try integer("-0") == 0)
        #expect(try integer("1e3") == 1000)
        #expect(try integer("9007199254740992") == 9_007_199_254_740_992)
        #expect(try integer("9007199254740994") == nil)
        #expect(try integer("1.5") == nil)
        #expect(try integer("1e400") == nil)
        #expect(try integer("\"1\"") == nil)
    }

    @Test func escapesAreDecoded() throws {
        let text = #""\"\\\/\b\f\n\r\tA\u00e9\u20AC\ud83d\ude00""#
        guard case .string(let decoded) = try parse(Array(text.utf8)) else {
            Issue.record("not a string")
            return
        }
        #expect(Array(decoded.unicodeScalars.map(\.value)) == [
            0x22, 0x5C, 0x2F, 8, 12, 10, 13, 9, 0x41, 0xE9, 0x20AC, 0x1F600,
        ])
    }

    @Test func namesAreComparedByTheirDecodedBytes() throws {
        #expect(fault(#"{"a":1,"\u0061":2}"#)?.kind == .duplicateKey("a"))
        #expect(fault(#"[{"a":{"b":1,"c":1,"b":1}}]"#)?.kind == .duplicateKey("b"))
        // Equal for Unicode, but different bytes.
        #expect(fault("{\"\u{E9}\":1,\"e\u{301}\":2}") == nil)
        // The same name in objects beside and inside each other is fine.
        #expect(fault(#"{"a":{"a":1},"b":{"a":1}}"#) == nil)
    }

    /// Each text, the byte at which it is wrong, and why.
    @Test(arguments: [
        ("", 0, "the text is empty"), ("  ", 2, "the text ends too early"),
        ("[1", 2, "the text ends too early"), ("{\"a\"", 4, "the text ends too early"),
        ("\"abc", 4, "the text ends too early"), ("tru", 3, "the text ends too early"),
        ("\u{FEFF}1", 0, "a JSON text must not start with a byte-order mark"),
        ("1 2", 2, "only white space may follow the end of the document"),
        ("[] ,", 3, "only white space may follow the end of the document"),
        ("NaN", 0, "NaN and Infinity are not JSON numbers"),
        ("[1, Infinity]", 4, "NaN and Infinity are not JSON numbers"),
        ("[-Infinity]", 2, "a digit is expected here"),
        ("+1", 0, "a number must not start with '+'"),
        ("01", 0, "a number must not have leading zeros"),
        ("[-012.5]", 2, "a number must not have leading zeros"),
        ("1.", 2, "a digit is expected here"), ("[1.]", 3, "a digit is expected here"),
        (".5", 0, "a value is expected here"), ("[1e]", 3, "a digit is expected here"),
        ("[1e+]", 4, "a digit is expected here"), ("-", 1, "a digit is expected here"),
        ("[1.2.3]", 4, "this does not belong into a number"),
        ("[1-2]", 2, "this does not belong into a number"),
        ("[0x10]", 2, "a comma or ']' is expected here"),
        ("[1,]", 3, "a value must follow the comma"), ("[,1]", 1, "a value must follow the comma"),
        ("[1,,2]", 3, "a value must follow the comma"),
        ("[1 2]", 3, "a comma or ']' is expected here"),
        ("{\"a\":1,}", 7, "a member must follow the comma"),
        ("{a:1}", 1, "a member's name in double quotes is expected here"),
        ("{'a':1}", 1, "a member's name in double quotes is expected here"),
        ("{\"a\" 1}", 5, "a colon must follow a member's name"),
        ("{\"a\":1 \"b\":2}", 7, "a comma or '}' is expected here"),
        ("[1}", 2, "a comma or ']' is expected here"),
        ("{\"a\":1]", 6, "a comma or '}' is expected here"),
        ("nul", 3, "the text ends too early"),
        ("[nulL]", 4, "only true, false and null are words of JSON"),
        ("[True]", 1, "a value is expected here"),
        ("\"a\nb\"", 2, "control characters in strings must be escaped"),
        ("\"a\u{0}\"", 2, "control characters in strings must be escaped"),
        (#""\x""#, 2, "this is not an escape sequence of JSON"),
        (#""\u12G4""#, 5, "this is not an escape sequence of JSON"),
        (#""\ud800""#, 7, "a \\u escape of half a surrogate pair stands alone"),
        (#""\ud800\n""#, 8, "a \\u escape of half a surrogate pair stands alone"),
        (#""\ud800\u0041""#, 12, "a \\u escape of half a surrogate pair stands alone"),
        (#""\udc00""#, 6, "a \\u escape of half a surrogate pair stands alone"),
        ("{\"a\":1,\"a\":2}", 7, "the member \"a\" appears twice"),
        ("// x\n1", 0, "a value is expected here"),
    ])
    func malformedTextsAreRefused(text: String, offset: Int, reason: String) {
        let bytes = Array(text.utf8)
        let found = fault(bytes)
        #expect(found?.offset == offset)
        #expect(found?.reason == reason)
        for window in [1, 2, 3, 7] {
            #expect(fault(bytes, window: window) == found)
        }
    }

    @Test(arguments: [
        ([0x80], 1), ([0xC0, 0x80], 1), ([0xC2, 0x41], 2), ([0xE0, 0x9F, 0x80], 2),
        ([0xED, 0xA0, 0x80], 2), ([0xEF, 0xBF, 0x22], 3), ([0xF0, 0x8F, 0x80, 0x80], 2),
        ([0xF4, 0x90, 0x80, 0x80], 2), ([0xF5, 0x80, 0x80, 0x80], 1), ([0xFF], 1),
        ([0xE2, 0x82], 3),
    ])
    func malformedUTF8IsRefused(part: [UInt8], offset: Int) {
        let bytes = [0x22] + part + [0x22]
        #expect(fault(bytes) == JSONFault(offset: offset, kind: .malformedUTF8))
        #expect(UTF8Check.firstFault(bytes.withUnsafeBytes { $0 }) == 1)
    }

    @Test func wellFormedUTF8IsAccepted() {
        let text = "\"\u{7F}\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFF}\u{10000}\u{10FFFF}\""
        #expect(fault(text) == nil)
        #expect(Array(text.utf8).withUnsafeBytes { UTF8Check.firstFault($0) } == nil)
    }

    @Test func depthIsBounded() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(fault(nested(64)) == nil)
        #expect(fault(nested(65)) == JSONFault(offset: 64, kind: .tooDeep(limit: 64)))
        #expect(fault(String(repeating: "{\"a\":", count: 100_000))?.kind == .tooDeep(limit: 64))
    }

    @Test func tokensAreBounded() {
        let limit = 64 * 1024
        let text = String(repeating: "x", count: limit)
        #expect(fault("\"\(text)\"") == nil)
        #expect(fault("[\"\(text)x\"]")?.kind == .tokenTooLong(limitBytes: limit))
        let digits = String(repeating: "1", count: limit)
        #expect(fault("[\(digits)]") == nil)
        #expect(
            fault("[\(digits)1]")
                == JSONFault(offset: limit + 1, kind: .tokenTooLong(limitBytes: limit)))
    }

    @Test func textsAreBounded() {
        var limits = FormatLimits()
        limits.jsonValueBytes = 5
        #expect(throws: Never.self) { try parse(Array("[1,2]".utf8), limits: limits) }
        #expect(throws: JSONFault(offset: 5, kind: .textTooLong(limitBytes: 5))) {
            try parse(Array("[1,2] ".utf8), limits: limits)
        }
    }

    @Test func manyNamesTakeLinearTime() throws {
        // 65 536 names compared with each other would take minutes in a debug build.
        let members = (0..<65_536).map { "\"tensor.\($0)\":0" }.joined(separator: ",")
        #expect(fault("{\(members)}") == nil)
        #expect(fault("{\(members),\"tensor.0\":0}")?.kind == .duplicateKey("tensor.0"))
    }

    @Test func theSameHoweverItIsCut() throws {
        let text = """
            {"a\\ud83d\\ude00\\n": [1.5e-3, -0, 123456789012345678901234567890, "h\u{E9}\u{20AC}"],
             "b": {"c": [true, false, null, [[]], {}], "\u{10348}": "\\u00e9"}, "d": -1e-7}
            """
        let bytes = Array(text.utf8)
        let whole = written(try parse(bytes))
        for window in [1, 2, 3, 7] {
            #expect(written(try parse(bytes, window: window)) == whole)
        }
        for split in 1..<bytes.count {
            var scanner = JSONScanner(depth: 64, tokenBytes: 100)
            var builder = JSONValueBuilder()
            for part in [Array(bytes[..<split]), Array(bytes[split...])] {
                try part.withUnsafeBytes { try scanner.consume($0, &builder) }
            }
            try scanner.finish(&builder)
            #expect(builder.take().map(written) == whole)
        }
    }
}
