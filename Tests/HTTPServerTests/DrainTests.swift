import Foundation
import Testing

@testable import HTTPServer

@Suite struct DrainTests {
    @Test func idleConnectionsAreClosedAtOnce() throws {
        let server = try TestServer { $0.drainDeadline = .seconds(15) }
        let client = try server.client()
        _ = try client.get("/hello")
        let outcome = server.drain()
        #expect(outcome?.isComplete == true)
        #expect(try client.receiveToEnd().isEmpty)
        #expect(throws: RawClient.Failure.self) { _ = try server.client() }
        #expect(server.server.counters.connectionsOpen == 0)
    }

    @Test func aWholeRequestIsAnsweredAndTheConnectionCloses() throws {
        let server = try TestServer { $0.drainDeadline = .seconds(15) }
        let client = try server.client()
        try client.send("GET /held HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(server.journal.wait(for: "held"))
        let outcome = Waited<DrainOutcome>()
        let done = DispatchSemaphore(value: 0)
        server.server.drain {
            outcome.set($0)
            done.signal()
        }
        try #require(server.waiting.take()).send(TestHandler.text("answered"))
        // The reply may overtake the order to drain; the connection closes either way.
        #expect(try client.receiveAnswer().text == "answered")
        #expect(try client.receiveToEnd().isEmpty)
        client.close()
        #expect(done.wait(timeout: .now() + 20) == .success)
        #expect(outcome.value?.isComplete == true)
    }

    /// Its bytes lie in the kernel when the order to drain comes, and no event has told of them.
    @Test func aRequestThatNobodyHasReadYetIsAnsweredAndTheConnectionCloses() throws {
        let server = try TestServer {
            $0.drainDeadline = .seconds(15)
            $0.loopCount = 1
        }
        let client = try server.client()
        _ = try client.get("/hello")
        let blocker = try server.client()
        try blocker.send("GET /blocking HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(server.journal.wait(for: "blocking"))
        try client.send("GET /hello HTTP/1.1\r\nHost: t\r\n\r\n")
        let done = DispatchSemaphore(value: 0)
        server.server.drain { _ in done.signal() }
        server.journal.note("unblock")
        let answer = try client.receiveAnswer()
        #expect(answer.text == "hello")
        #expect(answer.closes)
        client.close()
        blocker.close()
        #expect(done.wait(timeout: .now() + 20) == .success)
    }

    @Test func aHalfSentBodyGetsItsGraceAndThenARefusal() throws {
        let server = try TestServer { $0.drainDeadline = .seconds(15) }
        let slow = try server.client()
        try slow.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n12345")
        #expect(server.journal.wait(for: "body began"))
        let done = DispatchSemaphore(value: 0)
        server.server.drain { _ in done.signal() }
        let answer = try slow.receiveAnswer()
        #expect(answer.status == 503)
        #expect(answer.text == "draining")
        #expect(answer.closes)
        #expect(server.journal.wait(for: "cancelled"))
        slow.close()
        #expect(done.wait(timeout: .now() + 20) == .success)
    }

    @Test func aHalfSentHeadGetsItsGraceAndThenARefusal() throws {
        let server = try TestServer { $0.drainDeadline = .seconds(15) }
        let client = try server.client()
        _ = try client.get("/hello")
        try client.send("GET /hel")
        let done = DispatchSemaphore(value: 0)
        server.server.drain { _ in done.signal() }
        #expect(try client.receiveAnswer().text == "draining")
        client.close()
        #expect(done.wait(timeout: .now() + 20) == .success)
    }

    @Test func aBodyThatBecomesWholeWithinTheGraceIsAnswered() throws {
        let server = try TestServer {
            $0.drainGrace = .seconds(10)
            $0.drainDeadline = .seconds(15)
            $0.loopCount = 1
        }
        let idle = try server.client()
        _ = try idle.get("/hello")
        let client = try server.client()
        try client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n12345")
        #expect(server.journal.wait(for: "body began"))
        let done = DispatchSemaphore(value: 0)
        server.server.drain { _ in done.signal() }
        // The idle connection's end shows that draining has begun.
        #expect(try idle.receiveToEnd().isEmpty)
        try client.send("67890")
        let answer = try client.receiveAnswer()
        #expect(answer.text == "1234567890")
        #expect(answer.closes)
        client.close()
        #expect(done.wait(timeout: .now() + 20) == .success)
    }

    @Test func theDeadlineCutsWhatIsLeft() throws {
        let server = try TestServer()
        let client = try server.client()
        try client.send("GET /held HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(server.journal.wait(for: "held"))
        let outcome = server.drain()
        #expect(outcome?.cutConnections == 1)
        #expect(outcome?.isComplete == false)
        try #require(server.waiting.take()).send(TestHandler.text("into the void"))
        #expect(try client.receiveToEnd().isEmpty)
    }

    @Test func aServerStartsOnce() throws {
        let server = try TestServer()
        #expect(throws: (any Error).self) { _ = try server.server.start() }
        #expect(server.drain()?.isComplete == true)
        #expect(server.drain()?.isComplete == true)
    }
}
