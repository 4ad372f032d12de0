import OptimizerEngine
import SystemIO
import Testing

@testable import OptimizerSessions

/// Many at once on one archive.
@Suite struct ConcurrentLogTests {
    /// Sessions of both desks, more steps waiting than one sync takes, snapshots between.
    @Test func manySessionsStepAtOnce() throws {
        let directory = try TemporaryDirectory()
        let stepCount = 20
        func live() throws -> [String: Portrait] {
            let world = try World(directory: directory)
            let answers = Collected<Bool>()
            var total = 0
            for index in 0..<24 {
                let count = index % 6 == 0 ? 70_000 : 6 + index
                var specification = try SessionSpecification.sample(shapes: [[count]])
                specification.durability = .log
                let session = try world.session("s\(index)", specification)
                for seed in 1...stepCount {
                    var request = StepRequest(gradients: try .whole(gradients(count, seed: seed)))
                    request.reply = seed % 2 == 0 ? .vector(.f32) : .none
                    session.step(request) { answers.add($0.isGood) }
                    total += 1
                    guard seed % 7 == 0 else { continue }
                    session.snapshot { answers.add($0.isGood) }
                    total += 1
                }
            }
            #expect(answers.wait(for: total).allSatisfy { $0 })
            return try world.portraits()
        }
        let before = try live()
        let world = try World(lanes: 3, directory: directory)
        let differences = try world.portraits().differences(from: before)
        #expect(differences == [])
        for name in before.keys {
            #expect(try world.store.session(named: name).tag.step == stepCount)
        }
    }

    /// Retries with one key while the first request is under way, on a busy session.
    @Test func oneKeyIsOneStep() throws {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        let session = try world.session("s", try durableSample())
        for round in 1...20 {
            let answers = Collected<Result<StepOutcome, SessionError>>()
            for _ in 0..<12 {
                var request = StepRequest(gradients: try .whole(gradients(6)))
                request.key = .sample("k\(round)")
                session.step(request) { answers.add($0) }
            }
            var taken = 0
            for answer in answers.wait(for: 12) {
                switch answer {
                case .success(let outcome):
                    #expect(outcome.step == round)
                    if !outcome.isReplayed { taken += 1 }
                case .failure(let error):
                    #expect(error == .idempotencyInProgress)
                }
            }
            #expect(taken == 1 && session.tag.step == round)
        }
    }

    @Test func oneOfRacingPreconditionsHolds() throws {
        let world = try World(directory: try TemporaryDirectory())
        let session = try world.session("s", try durableSample())
        for round in 1...10 {
            let answers = Collected<Bool>()
            let expected = Precondition.isOneOf([session.tag])
            for _ in 0..<8 {
                var request = StepRequest(gradients: try .whole(gradients(6)))
                request.ifMatch = expected
                session.step(request) { answers.add($0.isGood) }
            }
            #expect(answers.wait(for: 8).count { $0 } == 1)
            #expect(session.tag.step == round)
        }
    }

    /// Whoever comes while the first snapshot is being written waits and finds the session.
    @Test func oneOfRacingCreationsMakesTheSession() throws {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        for round in 0..<10 {
            let answers = Collected<Creation.Kind?>()
            for index in 0..<12 {
                let specification = try durableSample()
                world.store.create("s\(round)", specification) {
                    answers.add(try? $0.get().kind)
                }
                if index == 5 {
                    #expect(try world.create("t\(round)", durableSample()).kind == .created)
                }
            }
            let kinds = answers.wait(for: 12)
            #expect(kinds.count { $0 == .created } == 1)
            #expect(kinds.count { $0 == .repeated } == 11)
        }
        #expect(try directory.names("sessions").count == 20)
    }

    /// Deletions, creations and steps of one name in no order leave one life or none.
    @Test func aBusyNameHasOneLifeAtATime() throws {
        let directory = try TemporaryDirectory()
        var last = 0
        func live() throws -> [String: Portrait] {
            let world = try World(directory: directory)
            let answers = Collected<Bool>()
            for round in 0..<120 {
                let specification = try durableSample()
                world.store.create("s", specification) { answers.add($0.isGood) }
                let request = StepRequest(gradients: try .whole(gradients(6)))
                if let session = try? world.store.session(named: "s") {
                    session.step(request) { answers.add($0.isGood) }
                } else {
                    answers.add(false)
                }
                if round % 3 == 0 {
                    world.store.remove("s") { answers.add($0.isGood) }
                } else {
                    answers.add(true)
                }
            }
            _ = answers.wait(for: 360)
            // Whether there is one left depends on who was last.
            _ = try? world.remove("s")
            let creation = try world.create("s", durableSample())
            #expect(creation.kind == .created)
            last = creation.description.tag.generation
            try world.store.session(named: "s").take(gradients(6))
            #expect(try !#require(world.store.archive).health.hasFailed)
            return try world.portraits()
        }
        let before = try live()
        let world = try World(directory: directory)
        let differences = try world.portraits().differences(from: before)
        #expect(differences == [])
        #expect(try directory.names("sessions") == ["s@\(last)"])
    }
}

extension Result {
    fileprivate var isGood: Bool { if case .success = self { true } else { false } }
}
