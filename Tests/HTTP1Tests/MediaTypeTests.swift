import Testing

@testable import HTTP1

@Suite("Media types")
struct MediaTypeTests {
    @Test("have a type, a subtype and parameters")
    func parts() throws {
        let type = try #require(
            MediaType(#" Text/HTML;Charset="utf-8" ; ; Level="a\"\;b" "#))
        #expect(type.essence == "text/html")
        #expect(type.parameter("charset") == "utf-8")
        #expect(type.parameter("level") == #"a";b"#)
        #expect(type.parameter("q") == nil)
        #expect(type.isSameKind(as: MediaType("text", "html")))
        #expect(!type.isSameKind(as: MediaType("text", "plain")))
    }

    @Test("are refused when malformed", arguments: [
        "", "text", "text/", "/html", "text /html", "text/html x", "text/html;a", "text/html;a=",
        "text/html;a =b", "text/html;a=\"b", "text/html, text/plain",
    ])
    func malformed(_ value: String) {
        #expect(MediaType(value) == nil)
    }
}

@Suite("Accept")
struct AcceptTests {
    private static let json = MediaType("application", "json")
    private static let safetensors = MediaType("application", "safetensors")
    private static let raw = MediaType("application", "octet-stream")

    @Test("takes everything when absent or empty", arguments: [nil, "", " , "] as [String?])
    func absent(_ value: String?) throws {
        #expect(try Accept(value).preferred(among: [Self.raw, Self.json]) == 0)
    }

    /// The example of RFC 9110 §12.5.1 and its table.
    @Test("weighs by the most precise range")
    func precedence() throws {
        let accept = try Accept(
            "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, "
                + "text/plain;format=fixed;q=0.4, */*;q=0.5")
        func plain(_ format: String?) -> MediaType {
            MediaType("text", "plain", format.map { [.init(name: "format", value: $0)] } ?? [])
        }
        #expect(accept.quality(of: plain("flowed")) == 1000)
        #expect(accept.quality(of: plain(nil)) == 700)
        #expect(accept.quality(of: MediaType("text", "html")) == 300)
        #expect(accept.quality(of: MediaType("image", "jpeg")) == 500)
        #expect(accept.quality(of: plain("fixed")) == 400)
    }

    @Test("prefers the highest weight, then the server's order")
    func preference() throws {
        let types = [Self.json, Self.safetensors, Self.raw]
        #expect(try Accept("application/safetensors").preferred(among: types) == 1)
        #expect(try Accept("*/*").preferred(among: types) == 0)
        #expect(
            try Accept("application/*;q=0.1, application/octet-stream;q=0.2")
                .preferred(among: types) == 2)
        #expect(try Accept("application/json;q=0, */*;q=0.001").preferred(among: types) == 1)
        #expect(try Accept("text/html").preferred(among: types) == nil)
        #expect(try Accept("*/*;q=0").preferred(among: types) == nil)
    }

    @Test("passes over charset and what follows the weight")
    func habits() throws {
        let accept = try Accept("Application/JSON; charset=utf-8; q=0.25; x=y")
        #expect(accept.quality(of: Self.json) == 250)
    }

    @Test("reads weights to three decimals", arguments: [
        ("0", 0), ("0.", 0), ("0.5", 500), ("0.05", 50), ("0.005", 5), ("1.", 1000),
        ("1.000", 1000),
    ])
    func weights(_ text: String, _ expected: Int) throws {
        #expect(try Accept("*/*;q=\(text)").quality(of: Self.json) == expected)
    }

    @Test("is refused when malformed", arguments: [
        "json", "*/json", "a/b c/d", "a/b;q=2", "a/b;q=1.001", "a/b;q=0.0001", "a/b;q=.5",
        "a/b;q=-1", "a/b;q=", "a/b;q=0,5;", "a/b;q=0x1", "a/b;q=0.a", "a/b;q=0.5~",
    ])
    func malformed(_ value: String) {
        #expect(throws: AcceptFault.self) { try Accept(value) }
    }
}
