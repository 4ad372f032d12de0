import Foundation
import SystemIO
import Testing

@testable import HTTPServer

/// Many connections, too many connections, no descriptors, and deadlines on the real clock.
@Suite struct LimitTests {
    @Test func aThousandConnectionsAtOnce() throws {
        Machine.raiseDescriptorLimit()
        let server = try TestServer()
        let clients = try (0..<1000).map { _ in try server.client() }
        // Optimized builds let go of a client, and so close it, after its last use.
        defer { withExtendedLifetime(clients) {} }
        for client in clients { try client.send("GET /hello HTTP/1.1\r\nHost: t\r\n\r\n") }
        for client in clients { #expect(try client.receiveAnswer().text == "hello") }
        for client in clients.reversed() { #expect(try client.get("/later").text == "later") }
        #expect(server.server.counters.connectionsOpen == 1000)
    }

    @Test func theConnectionLimitWorksByNotAccepting() throws {
        let server = try TestServer { $0.maxConnections = 2 }
        let first = try server.client()
        let second = try server.client()
        defer { withExtendedLifetime(second) {} }
        #expect(try first.get("/hello").status == 200)
        #expect(try second.get("/hello").status == 200)
        let third = try server.client()
        try third.send("GET /hello HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(server.journal.wait(for: "paused at the limit"))
        #expect(server.server.counters.connectionsOpen == 2)
        first.close()
        #expect(try third.receiveAnswer().text == "hello")
        #expect(server.journal.wait(for: "resumed"))
    }

    #if DEBUG
    @Test func acceptingRecoversFromExhaustedDescriptors() throws {
        let server = try TestServer { $0.acceptPause = .milliseconds(5) }
        let listener = try #require(Self.listener(on: server.port))
        let client = try ForcedErrno.during(
            .accept, .processFileLimit, scope: .descriptor(listener)
        ) {
            let client = try server.client()
            try client.send("GET /hello HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(server.journal.wait(for: "paused by EMFILE"))
            return client
        }
        #expect(try client.receiveAnswer().text == "hello")
        #expect(server.journal.wait(for: "resumed"))
        #expect(server.journal.count(of: "paused by EMFILE") == 1)
    }

    @Test func aConnectionThatIsGoneBeforeItIsAcceptedHurtsNobody() throws {
        let server = try TestServer()
        let listener = try #require(Self.listener(on: server.port))
        let client = try ForcedErrno.during(
            .accept, .connectionAborted, scope: .descriptor(listener), times: 3
        ) {
            let client = try server.client()
            #expect(try client.get("/hello").text == "hello")
            return client
        }
        #expect(try client.get("/hello").text == "hello")
    }

    private static func listener(on port: UInt16) -> Int32? {
        (Int32(3)..<4096).first { number in
            var listens: Int32 = 0
            var size = socklen_t(4)
            guard getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0,
                listens == 1
            else { return false }
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            return withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    getsockname(number, $0, &length) == 0
                }
            } && address.sin_port == port.bigEndian
        }
    }
    #endif

    @Test func aDribbledHeadIsCutOff() throws {
        let server = try TestServer { $0.headDeadline = .milliseconds(200) }
        var answer: RawClient.Answer?
        // A busy machine may let the deadline pass before the first byte; then there is no answer.
        for _ in 0..<20 where answer == nil {
            let client = try server.client()
            do {
                try client.send("GET /hello HT")
                answer = try client.receiveAnswer()
            } catch is RawClient.Failure {
                continue
            }
            #expect(try client.receiveToEnd().isEmpty)
        }
        #expect(answer?.status == 408)
        #expect(answer?.text == "head-too-slow")
        #expect(server.server.counters.refusals["head-too-slow"] == 1)
    }

    @Test func aSilentConnectionIsClosedWithoutAWord() throws {
        let server = try TestServer { $0.headDeadline = .milliseconds(100) }
        let silent = try server.client()
        #expect(try silent.receiveToEnd().isEmpty)
    }

    @Test func anIdleConnectionIsClosedWithoutAWord() throws {
        let server = try TestServer { $0.idleTimeout = .milliseconds(100) }
        let idle = try server.client()
        #expect(try idle.get("/hello").status == 200)
        #expect(try idle.receiveToEnd().isEmpty)
    }

    @Test func aBodyThatStallsIsRefused() throws {
        let server = try TestServer {
            $0.bodyRateWindow = .milliseconds(150)
        }
        let client = try server.client()
        try client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10000\r\n\r\nabc")
        let answer = try client.receiveAnswer()
        #expect(answer.status == 408)
        #expect(answer.text == "body-too-slow")
        #expect(answer.closes)
        #expect(server.journal.wait(for: "cancelled"))
    }

    @Test func aPeerThatReadsNothingIsCutOff() throws {
        let server = try TestServer { $0.writeProgressDeadline = .milliseconds(150) }
        let client = try server.client(receiveBuffer: 4096)
        try client.send("GET /big?30000000 HTTP/1.1\r\nHost: t\r\n\r\n")
        #expect(server.journal.wait(for: "timed out"))
    }

    @Test func aPeerThatNeverClosesIsNotWaitedForLong() throws {
        let server = try TestServer { $0.lingerDeadline = .milliseconds(100) }
        let client = try server.client()
        #expect(try client.get("/close").closes)
        let other = try server.client()
        for _ in 0..<100_000 where server.server.counters.connectionsOpen > 1 {
            _ = try other.get("/hello")
        }
        #expect(server.server.counters.connectionsOpen == 1)
    }
}
