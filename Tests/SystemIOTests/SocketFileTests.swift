import Dispatch
import Foundation
import Synchronization
import Testing

@testable import SystemIO

@Suite struct SocketFileTests {
    /// A socket's file that a process left behind when it ended.
    private func abandon(_ path: String) throws {
        let descriptor = try makeStreamSocket(family: AF_UNIX)
        let number = descriptor.number
        let address = SocketAddress.local(path: path)
        try check(.bind, on: number) { address.withKernelForm { bind(number, $0, $1) } }
    }

    /// Each would find nobody answering, and could take the other's new file for the old one.
    @Test func ofManyWhoFindAnAbandonedFileOneListens() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/socket"
        for _ in 0..<200 {
            try abandon(path)
            let listening = Atomic<Int>(0)
            let tried = DispatchSemaphore(value: 0)
            let reached = DispatchSemaphore(value: 0)
            let group = DispatchGroup()
            for _ in 0..<4 {
                Thread.detachNewThread(in: group) {
                    do {
                        let listener = try ListeningSocket(
                            bindingTo: .local(path: path), backlog: 4)
                        listening.add(1, ordering: .relaxed)
                        tried.signal()
                        reached.wait()
                        #expect(listener.localAddress == .local(path: path))
                    } catch {
                        #expect(error as? Errno == .addressInUse)
                        tried.signal()
                    }
                }
            }
            for _ in 0..<4 { tried.wait() }
            #expect(listening.load(ordering: .relaxed) == 1)
            #expect(throws: Never.self) { try StreamSocket(connectingTo: .local(path: path)) }
            for _ in 0..<4 { reached.signal() }
            group.wait()
            #expect(!Directory.exists(path))
        }
    }
}

extension Thread {
    fileprivate static func detachNewThread(
        in group: DispatchGroup, _ body: @escaping @Sendable () -> Void
    ) {
        group.enter()
        detachNewThread {
            body()
            group.leave()
        }
    }
}
