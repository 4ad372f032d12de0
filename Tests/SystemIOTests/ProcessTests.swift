import Foundation
import Synchronization
import Testing

@testable import SystemIO

@Suite struct ProcessTests {
    @Test func errorsHaveNamesAndSentences() {
        #expect(Errno.addressInUse.name == "EADDRINUSE")
        #expect(Errno.addressInUse.description == "Address already in use (EADDRINUSE)")
        #expect(Errno(rawValue: 12_345).name == "errno 12345")
    }

    @Test func aThreadRunsUnderItsNameAndIsJoined() throws {
        let seen = Mutex<(name: String, identity: UInt)>(("", 0))
        let thread = try WorkerThread(name: "lane-0 of this long name") {
            let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
            seen.withLock { $0 = (name ?? "", ThreadIdentity.current) }
        }
        thread.join()
        thread.join()
        #expect(seen.withLock { $0.name } == "lane-0 of this \n")
        #expect(seen.withLock { $0.identity } != ThreadIdentity.current)
    }

    #if DEBUG
    @Test func aThreadThatCannotBeMadeIsAnError() {
        ForcedErrno.during(.threadCreate, .wouldBlock) {
            #expect(throws: Errno.wouldBlock) { try WorkerThread(name: "none") {} }
        }
    }
    #endif

    @Test func signalsReachTheirWatcher() throws {
        let arrived = DispatchSemaphore(value: 0)
        let watcher = try SignalWatcher([.user1, .user2]) { signal in
            if signal == .user2 { arrived.signal() }
        }
        for _ in 0..<3 {
            kill(getpid(), SIGUSR1)
            kill(getpid(), SIGUSR2)
            #expect(arrived.wait(timeout: .now() + 20) == .success)
        }
        withExtendedLifetime(watcher) {}
    }

    @Test func theMachineIsDescribed() throws {
        #expect(Machine.cores >= 1)
        #expect(Machine.memoryBytes > 1 << 24)
        let resident = try #require(Machine.residentBytes())
        #expect(resident > 1 << 20)
        #expect(resident < Machine.memoryBytes)
        #expect(Machine.openDescriptorLimit >= Machine.openDescriptorCount() ?? 0)
    }

    @Test func theEnvironmentIsRead() {
        #expect(ProcessEnvironment.value(of: "PATH") != nil)
        #expect(ProcessEnvironment.value(of: "NO_SUCH_VARIABLE_HERE") == nil)
        #expect(ProcessEnvironment.processIdentifier == getpid())
    }
}
