import Testing

@testable import HTTP1

@Suite("The response encoder")
struct ResponseEncoderTests {
    private static let date = Array("Sun, 06 Nov 1994 08:49:37 GMT".utf8)

    private func encode(
        _ status: Status, _ fields: [(StaticString, String)] = [], bodyByteCount: Int = 0,
        method: Method? = .get, version: Version = .http11, keepsAlive: Bool = true
    ) -> (text: String, sendsBody: Bool) {
        var head = ResponseHead(status: status)
        for (name, value) in fields { head.fields.add(name, value) }
        var bytes: [UInt8] = []
        let sendsBody = ResponseEncoder.append(
            head, bodyByteCount: bodyByteCount, date: Self.date,
            to: .init(method: method, version: version, keepsAlive: keepsAlive), into: &bytes)
        return (String(decoding: bytes, as: UTF8.self), sendsBody)
    }

    @Test("writes status line, fields, date and length")
    func whole() {
        let response = encode(
            .ok, [("Content-Type", "text/plain"), ("ETag", "\"1-2\"")],
            bodyByteCount: 1_234_567_890)
        #expect(response.sendsBody)
        #expect(
            response.text == """
                HTTP/1.1 200 OK\r
                Content-Type: text/plain\r
                ETag: "1-2"\r
                Date: Sun, 06 Nov 1994 08:49:37 GMT\r
                Content-Length: 1234567890\r
                \r

                """)
    }

    @Test("announces a length of zero")
    func emptyBody() {
        let response = encode(.ok)
        #expect(response.text.contains("\r\nContent-Length: 0\r\n"))
        #expect(response.sendsBody)
    }

    @Test("gives 204 and 304 neither length nor body", arguments: [Status.noContent, .notModified])
    func withoutContent(_ status: Status) {
        let response = encode(status, bodyByteCount: 5)
        #expect(!response.text.contains("Content-Length"))
        #expect(!response.sendsBody)
    }

    @Test("gives HEAD the length that GET would have, and no body")
    func head() {
        let response = encode(.ok, bodyByteCount: 5, method: .head)
        #expect(response.text.contains("\r\nContent-Length: 5\r\n"))
        #expect(!response.sendsBody)
    }

    @Test("sends the body of a refusal whose method is unknown")
    func unknownMethod() {
        #expect(encode(.badRequest, bodyByteCount: 5, method: nil).sendsBody)
    }

    @Test("says in each version what is not its default")
    func connection() {
        #expect(!encode(.ok).text.contains("Connection"))
        #expect(encode(.ok, keepsAlive: false).text.contains("\r\nConnection: close\r\n"))
        #expect(encode(.ok, version: .http10).text.contains("\r\nConnection: keep-alive\r\n"))
        let closed = encode(.ok, version: .http10, keepsAlive: false)
        #expect(closed.text.contains("\r\nConnection: close\r\n"))
    }

    @Test("lets no value end its line")
    func injection() {
        let response = encode(.created, [
            ("Location", "/a\r\nSet-Cookie: b=c\r\n\r\n<html>\0\u{7f}\u{0b}"),
        ])
        let lines = response.text.split(separator: "\r\n", omittingEmptySubsequences: false)
        #expect(lines[1] == "Location: /a  Set-Cookie: b=c    <html>   ")
        #expect(lines.count == 6)
    }

    @Test("keeps tabs and text beyond ASCII in values")
    func harmlessValues() {
        #expect(encode(.ok, [("X-Note", "a\té")]).text.contains("\r\nX-Note: a\té\r\n"))
    }

    @Test("writes the interim response")
    func interim() {
        var bytes: [UInt8] = []
        ResponseEncoder.appendContinue(into: &bytes)
        #expect(bytes == Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    }

    @Test("finds and replaces fields without regard to case")
    func fields() {
        var fields = ResponseFields()
        fields.add("Vary", "Accept")
        fields.add("ETag", "\"1\"")
        fields.add("vary", "Accept-Encoding")
        #expect(fields.first("VARY") == "Accept")
        #expect(fields.first("Var") == nil)
        fields.set("Vary", "")
        #expect(fields.first("vary") == "")
        #expect(fields.first("etag") == "\"1\"")
        #expect(fields.bytes == Array("ETag: \"1\"\r\nVary: \r\n".utf8))
    }

    @Test("has a reason phrase for every status by name")
    func reasons() {
        #expect(Status.ok.reason == "OK")
        #expect(Status.unprocessableContent.reason == "Unprocessable Content")
        for code in ProtocolErrorCode.allCases { #expect(!code.status.reason.isEmpty) }
    }
}
