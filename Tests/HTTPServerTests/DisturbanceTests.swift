import Foundation
import Testing

@testable import HTTPServer

/// Peers that leave, stall, half-close or will not stop.
@Suite struct DisturbanceTests {
    let server: TestServer

    init() throws { server = try TestServer() }

    /// The service stands, and nothing of the disturbed connections is left.
    private func expectHealthy(_ server: TestServer) throws {
        let client = try server.client()
        for _ in 0..<20_000 {
            #expect(try client.get("/hello").text == "hello")
            if server.server.counters.connectionsOpen == 1 { return }
        }
        Issue.record("\(server.server.counters.connectionsOpen) connections are still open")
    }

    @Test func resetsInTheMiddleOfAHead() throws {
        let request = "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\n"
        for length in 0..<request.utf8.count {
            let client = try server.client()
            try client.send(Array(request.utf8.prefix(length)))
            client.reset()
        }
        try expectHealthy(server)
        #expect(server.journal.count(of: "complete") == 0)
    }

    @Test func aResetInTheMiddleOfABodyCancelsIt() throws {
        for framing in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
            let client = try server.client()
            try client.send("POST /echo HTTP/1.1\r\nHost: t\r\n\(framing)\r\n\r\n5\r\nab")
            client.reset()
        }
        #expect(server.journal.wait(for: "cancelled", times: 2))
        try expectHealthy(server)
        #expect(server.journal.count(of: "complete") == 0)
    }

    @Test func anEndInTheMiddleOfABodyCancelsIt() throws {
        let client = try server.client()
        try client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n12345")
        client.halfClose()
        #expect(try client.receiveToEnd().isEmpty)
        #expect(server.journal.wait(for: "cancelled"))
        #expect(server.journal.wait(for: "ended early"))
    }

    @Test func aResetWhileTheAnswerIsBeingMade() throws {
        let client = try server.client()
        try client.send("GET /held HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(server.journal.wait(for: "held"))
        client.reset()
        try expectHealthy(server)
        let responder = try #require(server.waiting.take())
        responder.send(TestHandler.text("too late"))
        try expectHealthy(server)
    }

    @Test func aResetInTheMiddleOfAResponse() throws {
        let client = try server.client(receiveBuffer: 4096)
        try client.send("GET /big?20000000 HTTP/1.1\r\nHost: t\r\n\r\n")
        _ = try client.receiveSome()
        client.reset()
        try expectHealthy(server)
    }

    @Test func aHalfClosedPeerStillGetsItsAnswer() throws {
        let client = try server.client()
        try client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody")
        client.halfClose()
        #expect(try client.receiveAnswer().text == "body")
        #expect(try client.receiveToEnd().isEmpty)
        let late = try server.client()
        try late.send("GET /held HTTP/1.1\r\nHost: t\r\n\r\n")
        late.halfClose()
        #expect(server.journal.wait(for: "held"))
        try #require(server.waiting.take()).send(TestHandler.text("still here"))
        #expect(try late.receiveAnswer().text == "still here")
        #expect(try late.receiveToEnd().isEmpty)
    }

    @Test func aSlowReaderGetsEverythingAndHoldsNobodyUp() throws {
        let slow = try server.client(receiveBuffer: 4096)
        try slow.send("GET /big?8000000 HTTP/1.1\r\nHost: t\r\n\r\n")
        let others = try (0..<4).map { _ in try server.client() }
        for other in others { #expect(try other.get("/hello").text == "hello") }
        #expect(try slow.receiveAnswer().body == TestHandler.bigBytes(8_000_000))
        #expect(try slow.get("/hello").text == "hello")
    }

    @Test func aLargeUploadDoesNotStarveOthers() throws {
        let single = try TestServer { $0.loopCount = 1 }
        let port = single.port
        let done = Waited<Int>()
        let thread = Thread {
            guard let client = try? RawClient(port: port) else { return }
            let size = 64 * 1024 * 1024
            let piece = [UInt8](repeating: 7, count: 1 << 20)
            try? client.send(
                "POST /small?\(size) HTTP/1.1\r\nHost: t\r\nContent-Length: \(size)\r\n\r\n")
            _ = client.sendUntilRefused(piece, times: 64)
            done.set((try? client.receiveAnswer().body.count) ?? -1)
        }
        thread.start()
        #expect(single.journal.wait(for: "body began"))
        let client = try single.client()
        var answered = 0
        while done.value == nil {
            #expect(try client.get("/hello").status == 200)
            answered += 1
        }
        #expect(done.value == 64 * 1024 * 1024)
        #expect(answered > 1)
    }

    @Test func aRefusalReachesAPeerThatKeepsSending() throws {
        let client = try server.client()
        try client.send("POST /refuse HTTP/1.1\r\nHost: t\r\nContent-Length: 20000000\r\n\r\n")
        let piece = [UInt8](repeating: 1, count: 1 << 20)
        _ = client.sendUntilRefused(piece, times: 10)
        let answer = try client.receiveAnswer()
        #expect(answer.status == 413)
        #expect(answer.closes)
        #expect(try client.receiveToEnd().isEmpty)
    }

    @Test func aSmallUnreadBodyIsDroppedAndTheConnectionGoesOn() throws {
        let client = try server.client()
        try client.send("POST /refuse HTTP/1.1\r\nHost: t\r\nContent-Length: 50000\r\n\r\n")
        try client.send([UInt8](repeating: 1, count: 50_000))
        let answer = try client.receiveAnswer()
        #expect(answer.status == 413)
        #expect(!answer.closes)
        #expect(try client.get("/hello").text == "hello")
    }

    @Test func aReceiverMayRefuseAnywhere() throws {
        for refuseAt in [1, 500, 4999, 5000] {
            let client = try server.client()
            try client.send(
                "POST /refuse-at?\(refuseAt) HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\n")
            try client.send([UInt8](repeating: 1, count: 5000))
            #expect(try client.receiveAnswer().text == "refused")
            #expect(try client.get("/hello").text == "hello")
        }
        #expect(server.journal.count(of: "complete") == 0)
        #expect(server.journal.count(of: "cancelled") == 0)
    }

    @Test func aChunkedBodyLongerThanWantedOverflows() throws {
        let client = try server.client()
        try client.send(
            "POST /small?6 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "4\r\nabcd\r\n4\r\nefgh\r\n0\r\n\r\n")
        let answer = try client.receiveAnswer()
        #expect(answer.status == 413)
        #expect(answer.text == "overflow")
        #expect(answer.closes)
        let exact = try server.client()
        try exact.send(
            "POST /small?8 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "4\r\nabcd\r\n4\r\nefgh\r\n0\r\n\r\n")
        #expect(try exact.receiveAnswer().text == "abcdefgh")
    }

    @Test func aFaultyChunkCancelsTheBody() throws {
        let client = try server.client()
        try client.send(
            "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabX")
        #expect(try client.receiveAnswer().status == 400)
        #expect(server.journal.count(of: "cancelled") == 1)
        #expect(try client.receiveToEnd().isEmpty)
    }
}
