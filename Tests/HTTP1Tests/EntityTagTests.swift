import Testing

@testable import HTTP1

@Suite("Lists of entity tags")
struct EntityTagTests {
    @Test("hold strong and weak tags")
    func tags() throws {
        #expect(try EntityTagList("\"1-2\"") == .tags([EntityTag(opaque: "1-2")]))
        #expect(
            try EntityTagList("\"a,b\" ,W/\"c\",\"\"")
                == .tags([
                    EntityTag(opaque: "a,b"), EntityTag(opaque: "c", isWeak: true),
                    EntityTag(opaque: ""),
                ]))
    }

    @Test("may have empty elements")
    func emptyElements() throws {
        #expect(try EntityTagList(" , \"a\",,\"b\" , ")
            == .tags([EntityTag(opaque: "a"), EntityTag(opaque: "b")]))
    }

    @Test("know no escapes")
    func backslash() throws {
        #expect(try EntityTagList(#""a\""#) == .tags([EntityTag(opaque: #"a\"#)]))
    }

    @Test("may be a star")
    func any() throws {
        #expect(try EntityTagList("*") == .any)
        #expect(try EntityTagList(" * ") == .any)
    }

    @Test("are refused when malformed", arguments: [
        "", " ", ",", "1-2", "\"a", "a\"", "\"a\"\"b\"", "\"a\" \"b\"", "w/\"a\"", "W \"a\"",
        "W/a", "W/", "*, \"a\"", "\"a\", *", "**", "\"a b\"", "\"a\tb\"", "\"a\u{7f}\"",
    ])
    func malformed(_ value: String) {
        #expect(throws: EntityTagFault.self) { try EntityTagList(value) }
    }
}
