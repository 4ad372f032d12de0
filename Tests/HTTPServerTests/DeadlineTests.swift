import HTTP1
import SystemIO
import Testing

@testable import HTTPServer

/// The timers' logic, on instants that the test makes up.
@Suite struct DeadlineTests {
    private let second: UInt64 = 1_000_000_000

    private func at(_ seconds: UInt64) -> Instant { Instant(nanoseconds: seconds * second) }

    private func phase() -> PhaseDeadline {
        PhaseDeadline(limits: PhaseDeadline.Limits(ServerConfiguration()))
    }

    @Test func theFirstWaitIsBoundedLikeAHeadAndLaterOnesByTheIdleTimeout() {
        var phase = phase()
        #expect(phase.update(.idle, request: 0, .init(), at(0)) == at(10))
        #expect(phase.update(.idle, request: 0, .init(), at(5)) == at(10))
        #expect(phase.update(.idle, request: 1, .init(), at(6)) == at(81))
        #expect(phase.update(.idle, request: 2, .init(), at(7)) == at(82))
    }

    @Test func bytesDoNotExtendAHead() {
        var phase = phase()
        #expect(phase.update(.head, request: 0, .init(received: 1), at(3)) == at(13))
        #expect(phase.update(.head, request: 0, .init(received: 900), at(12)) == at(13))
        #expect(phase.reached(.init(received: 901), untaken: 0, at(13)) == .passed)
    }

    @Test func aBodyMustKeepItsRateInEveryWindow() {
        var phase = phase()
        #expect(phase.update(.body, request: 1, .init(received: 100), at(0)) == at(10))
        #expect(phase.update(.body, request: 1, .init(received: 9000), at(9)) == at(10))
        let some = PhaseDeadline.Progress(received: 100 + 10_240)
        #expect(phase.reached(some, untaken: 0, at(10)) == .extended(at(20)))
        let tooLittle = PhaseDeadline.Progress(received: 100 + 2 * 10_240 - 1)
        #expect(phase.reached(tooLittle, untaken: 0, at(20)) == .passed)
    }

    @Test func onlyEnoughProgressExtendsAWrite() {
        let enough = UInt64(30 * 1024)
        var phase = phase()
        #expect(phase.update(.write, request: 1, .init(sent: 0), at(0)) == at(30))
        #expect(phase.update(.write, request: 1, .init(received: 5, sent: 0), at(9)) == at(30))
        #expect(phase.update(.write, request: 1, .init(sent: enough - 1), at(9)) == at(30))
        #expect(phase.update(.write, request: 1, .init(sent: enough), at(10)) == at(40))
        #expect(phase.reached(.init(sent: enough), untaken: nil, at(40)) == .passed)
        #expect(phase.reached(.init(sent: enough), untaken: 1, at(40)) == .passed)
    }

    @Test func aReaderThatTakesEnoughOfAFullBufferGetsMoreTime() {
        let sent = UInt64(1 << 20)
        var phase = phase()
        _ = phase.update(.head, request: 1, .init(sent: 500), at(0))
        #expect(phase.update(.write, request: 1, .init(sent: sent), at(0)) == at(30))
        let left = sent - 500 - 30 * 1024
        #expect(phase.reached(.init(sent: sent), untaken: left, at(30)) == .extended(at(60)))
        #expect(phase.reached(.init(sent: sent), untaken: left - 30 * 1024 + 1, at(60)) == .passed)
    }

    @Test func withoutARateOneByteIsEnough() {
        var configuration = ServerConfiguration()
        configuration.bodyRateBytesPerSecond = 0
        var phase = PhaseDeadline(limits: PhaseDeadline.Limits(configuration))
        #expect(phase.update(.write, request: 1, .init(sent: 9), at(0)) == at(30))
        #expect(phase.reached(.init(sent: 9), untaken: 9, at(30)) == .passed)
        #expect(phase.update(.write, request: 1, .init(sent: 10), at(31)) == at(61))
    }

    @Test func lingeringIsBoundedFromItsBegin() {
        var phase = phase()
        #expect(phase.update(.linger, request: 1, .init(), at(1)) == at(6))
        #expect(phase.update(.linger, request: 1, .init(received: 1 << 20), at(5)) == at(6))
    }

    @Test func nothingRunsWhileTheHandlerWorks() {
        var phase = phase()
        _ = phase.update(.body, request: 1, .init(), at(0))
        #expect(phase.update(nil, request: 1, .init(), at(1)) == nil)
    }

    @Test func absurdLimitsSaturate() {
        var configuration = ServerConfiguration()
        configuration.bodyRateBytesPerSecond = .max
        configuration.bodyRateWindow = .seconds(Int64.max)
        configuration.headDeadline = .seconds(Int64.max)
        let limits = PhaseDeadline.Limits(configuration)
        #expect(limits.bodyWindowBytes == .max)
        var phase = PhaseDeadline(limits: limits)
        let due = phase.update(.head, request: 0, .init(), at(5))
        #expect(due.map { $0 > at(1 << 32) } == true)
    }

    @Test func theQueueFiresInOrderAndOnce() {
        var queue = DeadlineQueue()
        queue.set(at(5), for: 0)
        queue.set(at(3), for: 7)
        queue.set(at(4), for: 2)
        #expect(queue.nextReminder == at(3))
        #expect(queue.popExpired(at(2)) == nil)
        #expect(queue.popExpired(at(9)) == 7)
        #expect(queue.popExpired(at(9)) == 2)
        #expect(queue.popExpired(at(9)) == 0)
        #expect(queue.popExpired(at(99)) == nil)
        #expect(queue.nextReminder == nil)
    }

    @Test func aDeadlineMayMoveBothWaysAndVanish() {
        var queue = DeadlineQueue()
        queue.set(at(75), for: 1)
        queue.set(at(10), for: 1)
        queue.set(at(80), for: 1)
        #expect(queue.popExpired(at(79)) == nil)
        #expect(queue.nextReminder == at(80))
        #expect(queue.popExpired(at(80)) == 1)
        queue.set(at(90), for: 1)
        queue.set(nil, for: 1)
        #expect(queue.popExpired(at(100)) == nil)
    }

    /// Against the obvious version: a table that is searched.
    @Test func theQueueAgreesWithATable() {
        var random = SystemRandomNumberGenerator()
        var queue = DeadlineQueue()
        var table: [Int: UInt64] = [:]
        for now in UInt64(0)..<5000 {
            for _ in 0..<3 {
                let slot = Int.random(in: 0..<20, using: &random)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    queue.set(nil, for: slot)
                    table[slot] = nil
                } else {
                    let due = now + UInt64.random(in: 1...50, using: &random)
                    queue.set(at(due), for: slot)
                    table[slot] = due
                }
            }
            var fired: Set<Int> = []
            while let slot = queue.popExpired(at(now)) { #expect(fired.insert(slot).inserted) }
            let expected = Set(table.filter { $0.value <= now }.keys)
            #expect(fired == expected)
            for slot in expected { table[slot] = nil }
            if let earliest = table.values.min() {
                #expect(queue.nextReminder.map { $0 <= at(earliest) } == true)
            }
        }
    }

    @Test func requestIdentifiersAreShortAndDiffer() {
        var identifiers = RequestIdentifiers()
        let all = (0..<10_000).map { _ in identifiers.next() }
        #expect(Set(all).count == all.count)
        #expect(all.allSatisfy { $0.utf8.count == 15 })
        var others = RequestIdentifiers()
        #expect(others.next() != all[0])
    }

    @Test func aTokenOfAClosedConnectionFindsNobody() {
        final class Member {}
        var table = ConnectionTable<Member>(firstSlot: 3)
        var tokens: [ConnectionToken] = []
        let first = table.insert { tokens.append($0); return Member() }
        #expect(tokens[0].slot == 3)
        #expect(table[tokens[0]] === first)
        table.remove(tokens[0])
        let second = table.insert { tokens.append($0); return Member() }
        #expect(tokens[1].slot == 3)
        #expect(table[tokens[0]] == nil)
        #expect(table[ConnectionToken(rawValue: tokens[1].rawValue)] === second)
        table.remove(tokens[0])
        #expect(table.count == 1)
    }
}
