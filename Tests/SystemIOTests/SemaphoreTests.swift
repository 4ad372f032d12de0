import Synchronization
import SystemIO
import Testing

@Suite struct SemaphoreTests {
    @Test func permitsAreKeptForWhoeverComes() {
        let semaphore = Semaphore()
        semaphore.signal(0)
        semaphore.signal(2)
        semaphore.wait()
        semaphore.wait()
        semaphore.signal()
        semaphore.wait()
    }

    /// Each permit lets one of many waiters go, however they arrive.
    @Test func asManyGoAsWereSignalled() throws {
        let (go, gone) = (Semaphore(), Semaphore())
        let count = Atomic(0)
        let threads = try (0..<8).map { _ in
            try WorkerThread(name: "waiter") {
                for _ in 0..<1000 {
                    go.wait()
                    count.add(1, ordering: .relaxed)
                    gone.signal()
                }
            }
        }
        for _ in 0..<2000 {
            let before = count.load(ordering: .relaxed)
            go.signal(4)
            for _ in 0..<4 { gone.wait() }
            #expect(count.load(ordering: .relaxed) == before + 4)
        }
        for thread in threads { thread.join() }
        #expect(count.load(ordering: .relaxed) == 8000)
    }

    @Test func whatWasWrittenBeforeIsSeen() throws {
        final class Box: @unchecked Sendable { var value = 0 }
        let (box, there, taken) = (Box(), Semaphore(), Semaphore())
        let thread = try WorkerThread(name: "writer") {
            for number in 1...10_000 {
                box.value = number
                there.signal()
                taken.wait()
            }
        }
        for number in 1...10_000 {
            there.wait()
            #expect(box.value == number)
            taken.signal()
        }
        thread.join()
    }
}
