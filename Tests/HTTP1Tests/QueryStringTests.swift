import Testing

@testable import HTTP1

@Suite("Queries and percent-encoding")
struct QueryStringTests {
    private func pairs(_ raw: String?) throws -> [String] {
        try QueryString.parse(raw).map { "\($0.name)|\($0.value)" }
    }

    @Test("are pairs in order, repetitions kept")
    func parse() throws {
        #expect(try pairs(nil) == [])
        #expect(try pairs("") == [])
        #expect(try pairs("a=1&b=2&a=3") == ["a|1", "b|2", "a|3"])
        #expect(try pairs("a&b=&=c&&d=e=f&") == ["a|", "b|", "|c", "d|e=f"])
    }

    @Test("decode escapes, and a plus as a space")
    func decode() throws {
        #expect(try pairs("lr=%7B%22slow%22%3A+1e%2b3%7d") == [#"lr|{"slow": 1e+3}"#])
        #expect(try pairs("%C3%A9+=%26%3D") == ["é |&="])
    }

    @Test("are refused when they are no percent-encoded UTF-8", arguments: [
        "a=%", "a=%2", "a=%zz", "a=%ff", "%c3=1", "a=%ed%a0%80",
    ])
    func malformed(_ raw: String) {
        #expect(throws: QueryFault.self) { try QueryString.parse(raw) }
    }

    @Test("of paths leave the plus alone")
    func path() {
        #expect(PercentCoding.decode("a+b%2Fc%20") == "a+b/c ")
        #expect(PercentCoding.decode("%4") == nil)
        #expect(PercentCoding.decode("%C3%28") == nil)
        #expect(PercentCoding.decode("") == "")
    }
}
