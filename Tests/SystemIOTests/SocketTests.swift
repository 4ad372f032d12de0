import Foundation
import Testing

@testable import SystemIO

@Suite struct SocketTests {
    @Test func addressesReadAndPrint() throws {
        let v4 = try SocketAddress.parse(host: "127.0.0.1", port: 8080)
        #expect(v4 == .v4(0x7f00_0001, port: 8080))
        #expect(v4.description == "127.0.0.1:8080")
        #expect(v4.isLoopback)
        let v6 = try SocketAddress.parse(host: "::1", port: 9)
        #expect(v6.description == "[::1]:9")
        #expect(v6.isLoopback)
        #expect(try !SocketAddress.parse(host: "0.0.0.0", port: 1).isLoopback)
        #expect(try !SocketAddress.parse(host: "::", port: 1).isLoopback)
        #expect(throws: Errno.self) {
            try SocketAddress.parse(host: "no such host", port: 1)
        }
    }

    private func listener() throws -> ListeningSocket {
        try ListeningSocket(bindingTo: .v4(0x7f00_0001, port: 0), backlog: 16)
    }

    /// Waits, bounded, until the poller has reported on `token`.
    private func wait(
        _ poller: borrowing Poller, for token: UInt64, where isWanted: (PollEvent) -> Bool
    ) throws -> Bool {
        var seen = false
        for _ in 0..<1000 where !seen {
            _ = try poller.wait(milliseconds: 20) { event in
                if event.token == token, isWanted(event) { seen = true }
            }
        }
        return seen
    }

    private func accept(_ listener: borrowing ListeningSocket) throws -> StreamSocket {
        let poller = try Poller()
        try poller.addLevelTriggered(listener.descriptor, token: 1)
        #expect(try wait(poller, for: 1) { $0.isReadable })
        switch listener.accept() {
        case .connection(let socket, let peer):
            #expect(peer.isLoopback)
            return socket
        case .wouldBlock: throw Errno.wouldBlock
        case .failed(let error): throw error
        }
    }

    @Test func bytesTravelAndTheEndIsSeen() throws {
        let listener = try listener()
        #expect(listener.localAddress.port != 0)
        let client = try StreamSocket(connectingTo: listener.localAddress)
        let server = try accept(listener)
        var noDelay: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(server.descriptor.number, Int32(IPPROTO_TCP), TCP_NODELAY, &noDelay, &size)
        #expect(noDelay == 1, "accepted sockets inherit the listener's option")
        let poller = try Poller()
        try poller.add(server.descriptor, token: 42)

        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 1)
        defer { buffer.deallocate() }
        #expect(server.receive(into: buffer) == .wouldBlock)

        var list = GatherList()
        let parts: [[UInt8]] = [[1, 2], [], [3, 4, 5]]
        parts[0].withUnsafeBytes { first in
            parts[1].withUnsafeBytes { second in
                parts[2].withUnsafeBytes { third in
                    list.append(first)
                    list.append(second)
                    list.append(third)
                    #expect(list.count == 2)
                    #expect(client.send(list) == .bytes(5))
                }
            }
        }
        #expect(try wait(poller, for: 42) { $0.isReadable })
        #expect(server.receive(into: buffer) == .bytes(5))
        #expect(Array(buffer[..<5]) == [1, 2, 3, 4, 5])

        try client.finishSending()
        #expect(try wait(poller, for: 42) { $0.peerHasEnded })
        #expect(server.receive(into: buffer) == .endOfStream)
        let empty = UnsafeMutableRawBufferPointer(rebasing: buffer[..<0])
        #expect(server.receive(into: empty) == .bytes(0))
    }

    @Test func sendingToAPeerThatIsGoneIsAnErrorAndNoSignal() throws {
        let listener = try listener()
        let client: StreamSocket? = try StreamSocket(connectingTo: listener.localAddress)
        let server = try accept(listener)
        _ = consume client
        let bytes = [UInt8](repeating: 0, count: 1000)
        var failure: Errno?
        for _ in 0..<1_000_000 where failure == nil {
            if case .failed(let error) = bytes.withUnsafeBytes({ server.send($0) }) {
                failure = error
            }
        }
        #expect(failure == .brokenPipe || failure == .connectionReset)
    }

    @Test func aTakenPortIsAnError() throws {
        let listener = try listener()
        let address = listener.localAddress
        #expect(throws: Errno.addressInUse) {
            _ = try ListeningSocket(bindingTo: address, backlog: 1)
        }
    }

    @Test func aTimerWakesThePoller() throws {
        let poller = try Poller()
        let timer = try TimerDescriptor()
        try poller.add(timer.descriptor, token: 7)
        // Twice without reading it: each expiry is an edge of its own.
        for _ in 0..<2 {
            let due = MonotonicClock.now() + .milliseconds(10)
            try timer.arm(at: due)
            #expect(try wait(poller, for: 7) { $0.isReadable })
            #expect(MonotonicClock.now() >= due)
        }
        try timer.arm(at: Instant(nanoseconds: 0))
        #expect(try wait(poller, for: 7) { $0.isReadable })
    }

    @Test func aDescriptorClosesWithItsOwner() throws {
        let listener = try listener()
        let client: StreamSocket? = try StreamSocket(connectingTo: listener.localAddress)
        let server = try accept(listener)
        let poller = try Poller()
        try poller.add(server.descriptor, token: 1)
        _ = consume client
        #expect(try wait(poller, for: 1) { $0.peerHasEnded })
    }

    #if DEBUG
    @Test func anyCallCanBeMadeToFail() throws {
        ForcedErrno.during(.socket, .processFileLimit) {
            #expect(throws: Errno.processFileLimit) { _ = try listener() }
        }
        ForcedErrno.during(.listen, .addressInUse) {
            #expect(throws: Errno.addressInUse) { _ = try listener() }
        }
        ForcedErrno.during(.epollCreate, .processFileLimit) {
            #expect(throws: Errno.processFileLimit) { _ = try Poller() }
        }
        let open = try listener()
        ForcedErrno.during(
            .accept, .systemFileLimit, scope: .descriptor(open.descriptor.number), times: 1
        ) {
            if case .failed(let error) = open.accept() {
                #expect(error == .systemFileLimit)
            } else {
                Issue.record("the call was not made to fail")
            }
            if case .wouldBlock = open.accept() {} else { Issue.record("forced more than once") }
        }
    }
    #endif
}
