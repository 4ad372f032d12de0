import Foundation
import Testing

@testable import HTTPServer

/// Requests and responses as they should be, over real sockets.
@Suite struct ExchangeTests {
    let server: TestServer

    init() throws { server = try TestServer() }

    @Test func keepsTheConnection() throws {
        let client = try server.client()
        for _ in 0..<3 {
            let answer = try client.get("/hello")
            #expect(answer.status == 200)
            #expect(answer.text == "hello")
            #expect(answer.fields["content-length"] == "5")
            #expect(answer.fields["date"]?.hasSuffix("GMT") == true)
            #expect(answer.fields["connection"] == nil)
        }
        #expect(server.server.counters.connectionsAccepted == 1)
    }

    @Test func answersFromAnotherThread() throws {
        let client = try server.client()
        for _ in 0..<20 { #expect(try client.get("/later").text == "later") }
    }

    @Test func onlyTheFirstSendCounts() throws {
        let client = try server.client()
        #expect(try client.get("/twice").text == "first")
        #expect(try client.get("/hello").text == "hello")
    }

    @Test func aDroppedResponderIsAnInternalError() throws {
        let client = try server.client()
        let answer = try client.get("/dropped")
        #expect(answer.status == 500)
        #expect(answer.text == "internal-error")
        #expect(try client.get("/hello").status == 200)
        #expect(server.server.counters.refusals["internal-error"] == 1)
    }

    @Test func tenRequestsInOnePacketAreAnsweredInOrder() throws {
        let client = try server.client()
        var packet = ""
        for index in 0..<10 {
            packet += index % 2 == 0
                ? "GET /later HTTP/1.1\r\nHost: t\r\n\r\n"
                : "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n#\(index)"
        }
        try client.send(packet)
        for index in 0..<10 {
            #expect(try client.receiveAnswer().text == (index % 2 == 0 ? "later" : "#\(index)"))
        }
    }

    @Test func aRequestByteByByte() throws {
        let client = try server.client()
        let request = "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\n\r\nhello world"
        for byte in request.utf8 { try client.send([byte]) }
        #expect(try client.receiveAnswer().text == "hello world")
        for byte in "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n".utf8 { try client.send([byte]) }
        #expect(try client.receiveAnswer().text == "hello")
    }

    @Test func aBodySplitAnywhere() throws {
        let client = try server.client()
        let request = Array(
            "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n012345678".utf8)
        for split in 1..<request.count {
            try client.send(Array(request[..<split]))
            try client.send(Array(request[split...]))
            #expect(try client.receiveAnswer().text == "012345678")
        }
    }

    @Test func chunkedBodiesSplitAnywhere() throws {
        let client = try server.client()
        let request = Array(
            """
            POST /echo-bytewise HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n\
            5\r\nhello\r\n1;x=y\r\n,\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n
            """.utf8)
        for split in 1..<request.count {
            try client.send(Array(request[..<split]))
            try client.send(Array(request[split...]))
            #expect(try client.receiveAnswer().text == "hello,0123456789")
        }
    }

    @Test(arguments: [0, 1, 999, 1000, 1001, 16_384, 100_000, 3_000_000])
    func bodiesOfManySizesComeBackWhole(count: Int) throws {
        let client = try server.client()
        let body = (0..<count).map { UInt8($0 % 253) }
        for framing in ["length", "chunked"] {
            var head = "POST /echo HTTP/1.1\r\nHost: t\r\n"
            var bytes = body
            if framing == "length" {
                head += "Content-Length: \(count)\r\n\r\n"
            } else {
                head += "Transfer-Encoding: chunked\r\n\r\n"
                bytes = Self.chunked(body, sizes: [1, 70_000, 17, 4096])
            }
            // The server answers only when it has read everything, so this cannot lock up.
            try client.send(Array(head.utf8) + bytes)
            let answer = try client.receiveAnswer()
            #expect(answer.status == 200)
            #expect(answer.body == body)
        }
    }

    static func chunked(_ body: [UInt8], sizes: [Int]) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = body[...]
        var turn = 0
        while !rest.isEmpty {
            let piece = rest.prefix(sizes[turn % sizes.count])
            bytes += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [13, 10]
            rest = rest.dropFirst(piece.count)
            turn += 1
        }
        return bytes + Array("0\r\n\r\n".utf8)
    }

    @Test func continueIsSentOnlyToAPeerThatWaits() throws {
        let client = try server.client()
        let head =
            "POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        try client.send(head)
        let interim = try client.receiveAnswer(hasBody: false)
        #expect(interim.status == 100)
        try client.send("body")
        #expect(try client.receiveAnswer().text == "body")
        try client.send(head + "body")
        #expect(try client.receiveAnswer().text == "body")
        #expect(server.server.counters.responsesByClass[0] == 1)
    }

    @Test func aRefusalComesInsteadOfContinue() throws {
        let client = try server.client()
        try client.send(
            "POST /refuse HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        let answer = try client.receiveAnswer()
        #expect(answer.status == 413)
        #expect(answer.closes)
        #expect(try client.receiveToEnd().isEmpty)
    }

    @Test func headGetsTheLengthAndNoBody() throws {
        let client = try server.client()
        try client.send("HEAD /hello HTTP/1.1\r\nHost: t\r\n\r\n")
        let answer = try client.receiveAnswer(hasBody: false)
        #expect(answer.fields["content-length"] == "5")
        #expect(try client.get("/hello").text == "hello")
    }

    /// More parts than one gathered write takes.
    @Test func whoeverAsksAgainAndAgainIsAlone() throws {
        let server = try TestServer { $0.loopCount = 1 }
        let (one, other) = (try server.client(), try server.client())
        #expect(try one.get("/alone").text == "false")
        #expect(try one.get("/alone").text == "true")
        #expect(try other.get("/alone").text == "false")
        #expect(try one.get("/alone").text == "false")
    }

    @Test func aBodyOfManyPartsArrivesInOrder() throws {
        let client = try server.client()
        let answer = try client.get("/parts?200")
        #expect(answer.body == (0..<200).flatMap { [UInt8](repeating: UInt8($0), count: 500) })
        #expect(try client.get("/hello").text == "hello")
    }

    @Test func noContentHasNoLength() throws {
        let client = try server.client()
        let answer = try client.get("/none")
        #expect(answer.status == 204)
        #expect(answer.fields["content-length"] == nil)
        #expect(try client.get("/hello").text == "hello")
    }

    @Test func closesWhenEitherSideAsksForIt() throws {
        let byServer = try server.client()
        #expect(try byServer.get("/close").closes)
        #expect(try byServer.receiveToEnd().isEmpty)
        let byClient = try server.client()
        try byClient.send("GET /hello HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        #expect(try byClient.receiveAnswer().closes)
        #expect(try byClient.receiveToEnd().isEmpty)
    }

    @Test func http10ClosesUnlessAskedToStay() throws {
        let client = try server.client()
        try client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(try client.receiveAnswer().fields["connection"] == "keep-alive")
        try client.send("GET /hello HTTP/1.0\r\n\r\n")
        #expect(try client.receiveAnswer().closes)
        #expect(try client.receiveToEnd().isEmpty)
    }

    @Test func aFaultyRequestIsAnsweredAndTheConnectionCloses() throws {
        let client = try server.client()
        try client.send("GET /hello HTTP/1.1\r\n\r\nGET /hello HTTP/1.1\r\nHost: t\r\n\r\n")
        let answer = try client.receiveAnswer()
        #expect(answer.status == 400)
        #expect(answer.text == "malformed-request")
        #expect(answer.closes)
        #expect(try client.receiveToEnd().isEmpty)
        #expect(server.server.counters.refusals["malformed-request"] == 1)
    }

    @Test func theLargestHeadFitsAndALargerOneIsRefused() throws {
        let client = try server.client()
        let line = "X-Filler: " + String(repeating: "x", count: 8000) + "\r\n"
        let fits = "GET /hello HTTP/1.1\r\nHost: t\r\n\(line)\(line)\(line)\r\n"
        try client.send(fits)
        #expect(try client.receiveAnswer().text == "hello")
        try client.send("GET /hello HTTP/1.1\r\nHost: t\r\n" + String(repeating: line, count: 5))
        #expect(try client.receiveAnswer().status == 431)
    }

    @Test func tenThousandRequestsOverOneConnection() throws {
        let client = try server.client()
        let batch = String(repeating: "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n", count: 100)
        for _ in 0..<100 {
            try client.send(batch)
            for _ in 0..<100 { #expect(try client.receiveAnswer().text == "hello") }
        }
        let counters = server.server.counters
        #expect(counters.requests == 10_000)
        #expect(counters.responsesByClass[1] == 10_000)
        #expect(counters.connectionsAccepted == 1)
        #expect(counters.bytesIn == UInt64(batch.utf8.count) * 100)
    }

    @Test func requestsAreReportedWhenFinished() throws {
        let client = try server.client()
        _ = try client.get("/hello?x=1")
        #expect(server.journal.wait(for: "GET /hello 200"))
    }
}
