import Dispatch
import Synchronization
import Testing

@testable import OptimizerSessions

@Suite struct TurnstileTests {
    private let queue = DispatchQueue(label: "elsewhere")

    private func turnstile(_ limit: Int) -> Turnstile {
        Turnstile(waitingLimit: limit) { [queue] work in queue.async(execute: work) }
    }

    @Test func visitsComeInOrder() {
        let turnstile = turnstile(100)
        let order = Collected<Int>()
        #expect(turnstile.enter {})
        for number in 0..<50 {
            #expect(
                turnstile.enter {
                    order.add(number)
                    turnstile.leave()
                })
        }
        #expect(order.values.isEmpty)
        turnstile.leave()
        #expect(order.wait(for: 50) == Array(0..<50))
    }

    @Test func theLineIsBoundedOnBothSides() {
        let turnstile = turnstile(3)
        let visits = Collected<Int>()
        #expect(turnstile.enter {})
        for number in 0..<3 { #expect(turnstile.enter { visits.add(number) }) }
        #expect(!turnstile.enter { visits.add(3) })
        turnstile.leave()
        #expect(visits.wait(for: 1) == [0])
        #expect(turnstile.enter { visits.add(4) })
        #expect(!turnstile.enter { visits.add(5) })
        for _ in 0..<4 { turnstile.leave() }
        #expect(visits.wait(for: 3) == [0, 1, 2, 4])
    }

    @Test func urgentVisitsGoFirstAndHaveABoundOfTheirOwn() {
        let turnstile = turnstile(2)
        let order = Collected<String>()
        func visit(_ name: String) -> Turnstile.Visit {
            {
                order.add(name)
                turnstile.leave()
            }
        }
        #expect(turnstile.enter {})
        #expect(turnstile.enter(visit("a")))
        #expect(turnstile.enter(visit("b")))
        #expect(!turnstile.enter(visit("c")))
        #expect(turnstile.enter(urgently: true, visit("A")))
        #expect(turnstile.enter(urgently: true, visit("B")))
        #expect(!turnstile.enter(urgently: true, visit("C")))
        turnstile.leave()
        #expect(order.wait(for: 4) == ["A", "B", "a", "b"])
    }

    /// A frame a visit would need some megabytes, and a dispatch queue's thread has half of one.
    @Test func tenThousandVisitsNeedNoDeepStack() {
        let turnstile = turnstile(10_000)
        let order = Collected<Int>()
        #expect(turnstile.enter {})
        for number in 0..<10_000 {
            #expect(
                turnstile.enter {
                    order.add(number)
                    turnstile.leave()
                })
        }
        queue.async { turnstile.leave() }
        #expect(order.wait(for: 10_000) == Array(0..<10_000))
    }

    @Test func aVisitThatEntersAgainNeedsNoDeepStack() {
        let turnstile = turnstile(1)
        let done = Collected<Int>()
        @Sendable func enter(_ left: Int) {
            let isAdmitted = turnstile.enter {
                if left == 0 { done.add(0) } else { enter(left - 1) }
                turnstile.leave()
            }
            #expect(isAdmitted)
        }
        queue.async { enter(10_000) }
        #expect(done.wait(for: 1) == [0])
    }

    @Test func aVisitorServesOnlySoManyOthers() {
        let handedOver = Collected<Int>()
        let turnstile = Turnstile(waitingLimit: 100) { [queue] work in
            handedOver.add(1)
            queue.async(execute: work)
        }
        let done = Collected<Int>()
        #expect(turnstile.enter {})
        for number in 0..<(2 * Turnstile.visitsPerThread) {
            #expect(
                turnstile.enter {
                    done.add(number)
                    turnstile.leave()
                })
        }
        turnstile.leave()
        _ = done.wait(for: 2 * Turnstile.visitsPerThread)
        #expect(!handedOver.values.isEmpty)
    }

    @Test func oneVisitorAtATimeFromManyThreads() {
        let turnstile = turnstile(100_000)
        let inside = Atomic(0)
        let clashes = Atomic(0)
        let done = Collected<Void>()
        let queue = queue
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for number in 0..<500 {
                _ = turnstile.enter {
                    if inside.add(1, ordering: .relaxed).newValue != 1 {
                        clashes.add(1, ordering: .relaxed)
                    }
                    let leave: @Sendable () -> Void = {
                        inside.subtract(1, ordering: .relaxed)
                        done.add(())
                        turnstile.leave()
                    }
                    // Some leave inside their visit, some later from another thread.
                    if (thread + number) % 3 == 0 { queue.async(execute: leave) } else { leave() }
                }
            }
        }
        _ = done.wait(for: 2000)
        #expect(clashes.load(ordering: .relaxed) == 0)
    }
}
