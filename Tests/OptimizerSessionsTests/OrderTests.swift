import Dispatch
import OptimizerEngine
import Synchronization
import SystemIO
import Testing

@testable import OptimizerSessions

/// Turns, bounds and what happens to those who wait.
@Suite struct OrderTests {
    /// Keeps the session's turn until `release` is called.
    private final class Holder: Sendable {
        private let gate = DispatchSemaphore(value: 0)

        init(_ session: Session) {
            let hasTurn = DispatchSemaphore(value: 0)
            DispatchQueue.global().async { [gate] in
                session.readParameters(type: .f32) { _ in
                    hasTurn.signal()
                    gate.wait()
                }
            }
            hasTurn.wait()
        }

        func release() {
            gate.signal()
        }
    }

    @Test func stepsAreTakenInOrderOfArrival() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        let holder = Holder(session)
        let answers = Collected<Int>()
        for number in 0..<40 {
            session.step(StepRequest(gradients: try .whole(gradients(6)))) { result in
                if case .success(let outcome) = result, outcome.step == number + 1 {
                    answers.add(number)
                }
            }
        }
        #expect(answers.values.isEmpty)
        #expect(session.description().step == 0)
        holder.release()
        #expect(answers.wait(for: 40) == Array(0..<40))
    }

    @Test func theQueueIsBoundedOnBothSides() throws {
        let world = try World { $0.waitingPerSession = 64 }
        let session = try world.session("s", .sample())
        let holder = Holder(session)
        let answers = Collected<SessionError?>()
        func step() throws {
            session.step(StepRequest(gradients: try .whole(gradients(6)))) { result in
                if case .failure(let error) = result { answers.add(error) } else {
                    answers.add(nil)
                }
            }
        }
        for _ in 0..<64 { try step() }
        #expect(answers.values.isEmpty)
        try step()
        #expect(answers.values == [.queueFull(limit: 64)])
        holder.release()
        let all = answers.wait(for: 65)
        #expect(all.dropFirst().allSatisfy { $0 == nil })
        #expect(session.tag.step == 64)
        #expect(try session.take(gradients(6)).step == 65)
    }

    @Test func stepsFromManyThreadsAreAllCounted() throws {
        let world = try World()
        let session = try world.session("s", .sample(shapes: [[3]]))
        let steps = Collected<Int>()
        let refusals = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for number in 0..<100 {
                do {
                    let seed = thread + number
                    steps.add(try session.take(gradients(3, seed: seed)).step)
                } catch {
                    refusals.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(refusals.load(ordering: .relaxed) == 0)
        #expect(steps.values.sorted() == Array(1...800))
        #expect(session.tag == SessionTag(generation: 1, step: 800))
    }

    @Test func deletingGoesBeforeTheStepsThatWait() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        let holder = Holder(session)
        let answers = Collected<Result<StepOutcome, SessionError>>()
        for _ in 0..<10 {
            session.step(
                StepRequest(gradients: try .whole(gradients(6))), completion: answers.add)
        }
        let removal = Collected<(Result<SessionTag, SessionError>, inUse: Int)>()
        world.store.remove("s") { removal.add(($0, inUse: world.store.budget.inUseBytes)) }
        holder.release()
        for answer in answers.wait(for: 10) {
            #expect(throws: SessionError.unknownSession(name: "s")) { try answer.get() }
        }
        let (tag, inUse) = removal.wait(for: 1)[0]
        #expect(try tag.get() == SessionTag(generation: 1, step: 0))
        // Whoever is told that the session is gone finds its memory free.
        #expect(inUse == 0)
        #expect(throws: SessionError.unknownSession(name: "s")) {
            try world.store.session(named: "s")
        }
    }

    /// An import is no repair of a session that goes away under it: it makes a new one.
    @Test func anImportThatWaitedForADeletedSessionMakesANewOne() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        let file = try StateImport(try session.state())
        let holder = Holder(session)
        let answers = Collected<Result<Creation, SessionError>>()
        world.store.importState(file, as: "s", completion: answers.add)
        let removal = Collected<Result<SessionTag, SessionError>>()
        world.store.remove("s", completion: removal.add)
        holder.release()
        #expect(try removal.wait(for: 1)[0].get().generation == 1)
        let creation = try answers.wait(for: 1)[0].get()
        #expect(creation.kind == .created)
        #expect(creation.description.tag == SessionTag(generation: 2, step: 0))
    }

    @Test func aHeldSessionDescribesItself() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        let holder = Holder(session)
        #expect(session.description().tag == SessionTag(generation: 1, step: 0))
        holder.release()
    }

    @Test func aStepOnTheLanesHoldsTheTurnUntilItIsDone() throws {
        let world = try World(inline: 0)
        let session = try world.session("s", .sample(shapes: [[100_000]]))
        let steps = Collected<Int>()
        for seed in 0..<20 {
            session.step(StepRequest(gradients: try .whole(gradients(100_000, seed: seed)))) {
                if case .success(let outcome) = $0 { steps.add(outcome.step) }
            }
        }
        #expect(steps.wait(for: 20) == Array(1...20))
    }
}
