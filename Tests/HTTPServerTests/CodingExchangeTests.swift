import Foundation
import HTTP1
import SystemIO
import Testing

@testable import HTTPServer

/// Content codings over real sockets.
@Suite struct CodingExchangeTests {
    let server: TestServer

    init() throws { server = try TestServer() }

    private static func chunked(_ body: [UInt8], _ size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: body.count, by: size) {
            let chunk = body[start..<min(start + size, body.count)]
            bytes += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10]
        }
        return bytes + Array("0\r\n\r\n".utf8)
    }

    private static func head(
        _ path: String = "/inflate?100000000", _ coding: ContentCoding = .gzip, length: Int? = nil,
        more: String = ""
    ) -> [UInt8] {
        let framing = length.map { "Content-Length: \($0)" } ?? "Transfer-Encoding: chunked"
        let fields = "Host: t\r\nContent-Encoding: \(coding)\r\n\(framing)\r\n\(more)"
        return Array("POST \(path) HTTP/1.1\r\n\(fields)\r\n".utf8)
    }

    @Test(arguments: ContentCoding.allCases)
    func bodiesAreInflated(coding: ContentCoding) throws {
        let client = try server.client()
        let text = CodingSamples.numbers(50_000)
        let bytes = try CodingSamples.compress(text, coding)
        for path in ["/inflate?100000000", "/inflate-bytewise?100000000"] {
            try client.send(Self.head(path, coding, length: bytes.count) + bytes)
            #expect(try client.receiveAnswer().body == text)
            for size in [100, 5000, bytes.count] {
                try client.send(Self.head(path, coding) + Self.chunked(bytes, size))
                #expect(try client.receiveAnswer().body == text)
            }
        }
        #expect(try client.get("/hello").text == "hello")
        #expect(server.pool.inUseBytes == 0)
    }

    @Test func aBodySplitAnywhere() throws {
        let client = try server.client()
        let request = Self.head(length: CodingSamples.gzip.count) + CodingSamples.gzip
        for split in 1..<request.count {
            try client.send(Array(request[..<split]))
            try client.send(Array(request[split...]))
            #expect(try client.receiveAnswer().body == CodingSamples.text)
        }
        let whole = Self.head() + Self.chunked(CodingSamples.gzip, 1)
        for byte in whole { try client.send([byte]) }
        #expect(try client.receiveAnswer().body == CodingSamples.text)
    }

    @Test func refusalsLeaveTheConnectionAsTheyShould() throws {
        let client = try server.client()
        // After the whole body the next request is served.
        for bytes in [CodingSamples.gzip + [0], Array(CodingSamples.gzip.dropLast())] {
            try client.send(Self.head(length: bytes.count) + bytes)
            #expect(try client.receiveAnswer().status == 400)
        }
        try client.send(Self.head("/inflate?79", length: 71) + CodingSamples.gzip)
        #expect(try client.receiveAnswer().text == "overflow")
        try client.send(Self.head(length: 0))
        #expect(try client.receiveAnswer().text == "truncated")
        #expect(try client.get("/hello").text == "hello")
        // In the middle of a chunked one the connection ends.
        try client.send(Self.head() + Array("4\r\nabcd\r\n".utf8))
        let answer = try client.receiveAnswer()
        #expect(answer.status == 400 && answer.closes)
        #expect(server.pool.inUseBytes == 0)
    }

    @Test func whoWaitsFor100IsToldToGoOn() throws {
        let client = try server.client()
        try client.send(Self.head(length: 71, more: "Expect: 100-continue\r\n"))
        #expect(try client.receiveAnswer().status == 100)
        try client.send(CodingSamples.gzip)
        #expect(try client.receiveAnswer().body == CodingSamples.text)
    }

    /// Bombs that are there in whole when their loop comes to them: one of less than a window, so
    /// that all is to be done when the body is whole, and one of many windows and a harmless end.
    /// A request that came after them is answered first.
    @Test(arguments: [(1 << 20, 0), (6 << 20, 20_000)])
    func aBombHoldsNobodyUp(zeros: Int, numbers: Int) throws {
        let single = try TestServer { $0.loopCount = 1 }
        let end = numbers > 0 ? CodingSamples.numbers(numbers / 4) : []
        let bytes = try CodingSamples.compress([UInt8](repeating: 0, count: zeros) + end)
        let blocking = try single.client()
        try blocking.send("GET /blocking HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(single.journal.wait(for: "blocking"))
        let bomb = try single.client()
        let head = Self.head(
            "/inflate?100000000", length: bytes.count, more: "Accept-Encoding: gzip\r\n")
        try bomb.send(head + bytes)
        let other = try single.client()
        try other.send("GET /hello HTTP/1.1\r\nHost: t\r\n\r\n")
        single.journal.note("unblock")
        #expect(try other.receiveAnswer().text == "hello")
        #expect(try bomb.receiveAnswer().body == bytes)
        #expect(single.journal.isNoted("GET /hello 200", before: "complete"))
    }

    @Test func peersThatLeaveInTheMiddle() throws {
        let bytes = try CodingSamples.compress(CodingSamples.numbers(20_000))
        for count in stride(from: 0, to: bytes.count, by: bytes.count / 20) {
            let client = try server.client()
            try client.send(Self.head(length: bytes.count) + Array(bytes[..<count]))
            client.reset()
        }
        #expect(server.journal.wait(for: "cancelled", times: 20))
        #expect(server.journal.count(of: "complete") == 0)
        let client = try server.client()
        #expect(try client.get("/hello").text == "hello")
        while server.pool.inUseBytes > 0 { _ = try client.get("/hello") }
    }

    @Test func drainingEndsABodyThatIsNotWhole() throws {
        let client = try server.client()
        try client.send(Self.head(length: 71) + Array(CodingSamples.gzip[..<70]))
        #expect(server.journal.wait(for: "body began"))
        #expect(server.drain() != nil)
        #expect(try client.receiveAnswer().status == 503)
        #expect(server.journal.count(of: "cancelled") == 1)
        #expect(server.pool.inUseBytes == 0)
    }

    @Test(arguments: [100, 1000, 100_000])
    func answersAreCodedForThoseWhoAsk(count: Int) throws {
        let client = try server.client()
        let text = CodingSamples.numbers(count)
        func ask(_ method: String, _ path: String, _ fields: String) throws -> RawClient.Answer {
            try client.send("\(method) \(path)?\(count) HTTP/1.1\r\nHost: t\r\n\(fields)\r\n")
            return try client.receiveAnswer(hasBody: method != "HEAD")
        }
        let plain = try ask("GET", "/text", "")
        #expect(plain.body == text && plain.fields["content-encoding"] == nil)
        #expect(plain.fields["vary"] == "Accept-Encoding")
        let accept = "Accept-Encoding: deflate, gzip\r\n"
        let coded = try ask("GET", "/text", accept)
        let isCoded = text.count >= ResponseCoder.leastBytes
        #expect(coded.fields["content-encoding"] == (isCoded ? "gzip" : nil))
        #expect(coded.fields["etag"] == (isCoded ? "\"1+gzip\"" : "\"1\""))
        if isCoded {
            let inflated = try Upload().send(
                coded.body, to: RecordingReceiver(bufferBytes: 4096))
            #expect(inflated == .body(text))
        }
        // HEAD has the same fields (RFC 9110 §9.3.2).
        var head = try ask("HEAD", "/text", accept)
        head.fields["date"] = coded.fields["date"]
        #expect(head.fields == coded.fields)
        let binary = try ask("GET", "/binary", accept)
        #expect(binary.body == text && binary.fields["content-encoding"] == nil)
        #expect(try client.get("/hello").text == "hello")
        while server.pool.inUseBytes > 0 { _ = try client.get("/hello") }
    }

    @Test func bothWaysAtOnce() throws {
        let client = try server.client()
        let text = CodingSamples.numbers(10_000)
        let bytes = try CodingSamples.compress(text)
        try client.send(
            Self.head(length: bytes.count, more: "Accept-Encoding: gzip\r\n") + bytes)
        let answer = try client.receiveAnswer()
        #expect(answer.fields["content-encoding"] == "gzip")
        let receiver = RecordingReceiver(bufferBytes: 4096)
        #expect(try Upload().send(answer.body, to: receiver) == .body(text))
    }
}
