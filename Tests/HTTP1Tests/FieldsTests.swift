import Testing

@testable import HTTP1

@Suite("Request heads and fields")
struct FieldsTests {
    private func head(_ text: String) throws -> RequestHead {
        var parser = RequestParser()
        let bytes = Array(text.utf8)
        guard case .head(let head, let count) = try parser.parse(bytes.span) else {
            throw Incomplete()
        }
        #expect(count == bytes.count)
        return head
    }

    private struct Incomplete: Error {}

    private func fields(_ lines: String...) throws -> Fields {
        try head((["GET / HTTP/1.1", "Host: a"] + lines + ["", ""]).joined(separator: "\r\n"))
            .fields
    }

    @Test("are looked up without regard to case")
    func lookUp() throws {
        let fields = try fields("X-One: 1", "x-two:  2 ", "X-ONE: 3")
        #expect(fields.count == 4)
        #expect(fields.first("x-one") == "1")
        #expect(fields.first("X-Two") == "2")
        #expect(fields.first("X-On") == nil)
        #expect(fields.values("x-One") == ["1", "3"])
        #expect(fields.combined("X-one") == "1, 3")
        #expect(fields.combined("x-three") == nil)
        #expect(fields.contains("HOST"))
        #expect(!fields.contains("Hosts"))
    }

    @Test("tell token characters apart that differ in one bit")
    func nearNames() throws {
        let fields = try fields("X^: 1")
        #expect(fields.first("X~") == nil)
        #expect(fields.first("x^") == "1")
    }

    @Test("find tokens in lists")
    func tokens() throws {
        let fields = try fields("Connection: a , B", "Connection:,c")
        for token in ["A", "b", "C"] as [StaticString] {
            #expect(fields.hasToken(token, in: "connection"))
        }
        #expect(!fields.hasToken("a , B", in: "connection"))
        #expect(!fields.hasToken("d", in: "connection"))
        #expect(!fields.hasToken("a", in: "te"))
    }

    @Test("repair what is not UTF-8")
    func invalidText() throws {
        var parser = RequestParser()
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX: \u{ff}".utf8.dropLast(2)) + [
            0xff, 0x0d, 0x0a, 0x0d, 0x0a,
        ]
        guard case .head(let head, _) = try parser.parse(bytes.span) else { throw Incomplete() }
        #expect(head.fields.first("x") == "\u{fffd}")
    }

    @Test("keep the target as received beside its parts")
    func target() throws {
        let head = try head("GET http://h/a%20b?c=d HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(head.target == "http://h/a%20b?c=d")
        #expect(head.path == "/a%20b")
        #expect(head.query == "c=d")
        #expect(try self.head("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").query == nil)
    }

    @Test("outlive the window that they were read from")
    func ownership() throws {
        var window = Array("GET /before HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n".utf8)
        var parser = RequestParser()
        let outcome = try window.withUnsafeBytes { bytes throws(ProtocolError) in
            try parser.parse(bytes)
        }
        guard case .head(let head, _) = outcome else { throw Incomplete() }
        for index in window.indices { window[index] = UInt8(ascii: "#") }
        #expect(head.path == "/before")
        #expect(head.fields.first("x") == "y")
    }

    /// What has been read is injured between two calls. Only bytes that were not looked at before
    /// count: neither the version nor the line feed inside the field's name is noticed as such.
    @Test("are read on from where the last piece ended")
    func resumption() throws {
        var parser = RequestParser()
        let first = Array("GET / HTTP/1.1\r\nHost: a".utf8)
        guard case .needMore = try parser.parse(first.span) else { throw Incomplete() }
        let second = Array("GET / XXXXXXXX\r\nHo\nt: a\r\n\r\n".utf8)
        let expected = ProtocolError.malformed(
            "A field line must be a token, a colon and a value.")
        #expect(throws: expected) { try parser.parse(second.span) }
    }

    @Test("carry the limit that was passed")
    func limits() {
        var limits = HTTPLimits()
        limits.requestLineBytes = 14
        limits.fieldSectionBytes = 9
        limits.fieldCount = 1
        #expect(error("GET / HTTP/1.1\r\nHost: a\r\n\r\n", limits) == nil)
        #expect(error("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", limits)?.limit == 14)
        #expect(error("GET / HTTP/1.1\r\nHost: ab\r\n\r\n", limits)?.limit == 9)
        limits.fieldSectionBytes = 100
        #expect(error("GET / HTTP/1.1\r\nHost: a\r\nA:\r\n\r\n", limits)?.limit == 1)
    }

    @Test("never need more than the longest head", arguments: [
        "A", "A b", "A / HTTP/1.1\r\n", "A / HTTP/1.1\r\nB:", "\r\nA", "\r\nA / HTTP/1.1\r\nB:",
    ])
    func fullWindow(_ start: String) {
        var limits = HTTPLimits()
        limits.requestLineBytes = 20
        limits.fieldSectionBytes = 30
        let filler = String(repeating: "x", count: limits.headBytes - start.utf8.count)
        #expect(error(start + filler, limits) != nil)
    }

    private func error(_ text: String, _ limits: HTTPLimits) -> ProtocolError? {
        var parser = RequestParser(limits: limits)
        let bytes = Array(text.utf8)
        do throws(ProtocolError) {
            _ = try parser.parse(bytes.span)
            return nil
        } catch {
            return error
        }
    }
}
