import Dispatch
import Foundation
import Testing

/// What each sanitizer must report, so that `Tests/sanitize` knows that it would notice.
private let canary = ProcessInfo.processInfo.environment["SANITIZER_CANARY"]

@Suite(.enabled(if: canary != nil, "only Tests/sanitize wants to see it fail"))
struct SanitizerCanary {
    @Test(.enabled(if: canary == "address"))
    func readsBehindTheEnd() {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 8)
        defer { memory.deallocate() }
        memory.initialize(repeating: 1, count: 8)
        #expect(memory[8] < 255)
    }

    @Test(.enabled(if: canary == "thread"))
    func countsOnTwoThreads() {
        final class Counter: @unchecked Sendable { var value = 0 }
        let counter = Counter()
        let done = DispatchSemaphore(value: 0)
        // Nothing orders these two, even where they never run at the same time.
        for _ in 0..<2 {
            Thread.detachNewThread {
                counter.value += 1
                done.signal()
            }
        }
        for _ in 0..<2 { done.wait() }
        #expect(counter.value > 0)
    }
}
