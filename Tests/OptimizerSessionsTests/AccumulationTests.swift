import OptimizerEngine
import SystemIO
import TensorFormats
import Testing

@testable import OptimizerSessions

/// Accumulated gradients; `History` has them too, for everything that a recovery has to repeat.
@Suite struct AccumulationTests {
    private func request(_ gradients: [Double], key: String? = nil) throws -> StepRequest {
        var request = StepRequest(gradients: try .whole(gradients))
        request.key = key.map { IdempotencyKey.sample($0) }
        return request
    }

    /// A step with their sum is the step with the sum of the gradients.
    @Test func aStepTakesWhatWasAdded() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        let twin = try world.session("t", .sample())
        let (a, b) = (gradients(6, seed: 1), gradients(6, seed: 2))
        #expect(try session.add(request(a)).count == 1)
        #expect(try session.add(request(b), weight: 3).count == 2)
        #expect(session.description().accumulated == 2 && session.tag.step == 0)
        let sum = zip(a, b).map { Double(Float($0) + Float($1) * 3) }
        let outcome = try session.take(StepRequest(.accumulated(.sum, zeroes: false)))
        let other = try twin.take(sum)
        #expect(outcome.gradNorm == other.gradNorm && outcome.tag == other.tag)
        #expect(session.description().accumulated == 2)
        try session.take(StepRequest(.accumulated(.mean, zeroes: true)))
        try twin.take(sum.map { Double(Float($0) / 4) })
        #expect(session.description().accumulated == 0)
        #expect(try session.state() == twin.state())
        // Now there is nothing to step with.
        #expect(throws: SessionError.nothingAccumulated) {
            try session.take(StepRequest(.accumulated(.sum, zeroes: true)))
        }
    }

    @Test func refusalsChangeNothing() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        try session.add(request([.nan, 0, 0, 0, 0, 0]))
        let before = try session.state()
        #expect(throws: SessionError.nonfiniteGradient(tensors: ["a"])) {
            try session.take(StepRequest(.accumulated(.sum, zeroes: true)))
        }
        var late = try request(gradients(6))
        late.ifMatch = .isOneOf([SessionTag(generation: 1, step: 7)])
        #expect(throws: SessionError.self) { try session.add(late) }
        let empty = StepGradients(slab: try Slab(byteCount: 8), places: .each([nil, nil]))
        #expect(throws: SessionError.self) {
            try session.add(StepRequest(gradients: empty))
        }
        #expect(try session.state() == before && session.description().accumulated == 1)
    }

    /// A sum of weights that is no number could be written to a snapshot and not be read again.
    @Test func weightsStayFinite() throws {
        let directory = try TemporaryDirectory()
        var specification = try SessionSpecification.sample(SessionSettings(), .f64)
        specification.durability = .log
        do {
            let world = try World(directory: directory)
            let session = try world.session("s", specification)
            let large = StepRequest(gradients: try .whole(gradients(6), .f64))
            try session.add(large, weight: 1e308)
            let before = try session.state()
            let error = #expect(throws: SessionError.self) {
                try session.add(large, weight: 1e308)
            }
            guard case .invalidSettings(let fault)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(fault.pointer == "/weight" && fault.kind == .invalidValue)
            #expect(try session.state() == before)
            world.store.snapshotAll(until: MonotonicClock.now() + .seconds(60))
        }
        let world = try World(directory: directory)
        #expect(try world.store.session(named: "s").description().accumulated == 1)
    }

    /// A retried request has been added once, also after a start.
    @Test(arguments: [false, true]) func aKeyAddsOnce(_ hasSnapshot: Bool) throws {
        let directory = try TemporaryDirectory()
        var specification = try SessionSpecification.sample()
        specification.durability = .log
        let first = try request(gradients(6), key: "k")
        do {
            let world = try World(directory: directory)
            let session = try world.session("s", specification)
            try session.add(request(gradients(6, seed: 9)))
            #expect(try session.add(first).count == 2)
            let again = try session.add(first)
            #expect(again.count == 2 && again.isReplayed)
            // The key is that request's and no step's.
            #expect(throws: SessionError.idempotencyKeyReused) {
                var step = StepRequest(.accumulated(.sum, zeroes: true))
                step.key = IdempotencyKey(
                    text: "k", fingerprint: [UInt8](repeating: 1, count: 32))
                return try session.take(step)
            }
            if hasSnapshot {
                world.store.snapshotAll(until: MonotonicClock.now() + .seconds(60))
            }
        }
        let world = try World(directory: directory)
        let session = try world.store.session(named: "s")
        #expect(session.description().accumulated == 2)
        #expect(try session.add(first).isReplayed)
        #expect(session.description().accumulated == 2)
    }

    /// The sums lie in a vector that the budget knows of until they are given up.
    @Test func memoryIsTheBudgets() throws {
        let world = try World()
        let session = try world.session("s", .sample(shapes: [[1000]]))
        let (bytes, inUse) = (session.description().stateBytes, world.store.budget.inUseBytes)
        try session.add(request(gradients(1000)))
        #expect(session.description().stateBytes == bytes + 4000)
        #expect(world.store.budget.inUseBytes == inUse + 4000)
        let tag = session.tag
        #expect(try wait { session.zeroGradients(completion: $0) }.tag == tag)
        #expect(session.description().stateBytes == bytes)
        #expect(world.store.budget.inUseBytes == inUse)
        let small = try World(stateBytes: inUse + 2000)
        let poor = try small.session("s", .sample(shapes: [[1000]]))
        #expect(throws: SessionError.self) { try poor.add(request(gradients(1000))) }
        #expect(poor.description().accumulated == 0)
    }

    /// State files carry them, and nothing of them when there are none.
    @Test func statesGoOnElsewhere() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        let plain = try session.state()
        try session.add(request(gradients(6, seed: 1)), weight: 0.5)
        let file = try session.state()
        let header = try SafetensorsHeader.parse(file: file)
        let names = Set(header.tensors.map(\.name))
        #expect(names.isSuperset(of: ["grad/a", "grad/b", "grad_weight/a", "grad_weight/b"]))
        #expect(header.metadata("accumulated") == "1")
        try world.importState(file, as: "imported")
        try world.fork("s", as: "fork")
        for name in ["imported", "fork"] {
            let other = try world.store.session(named: name)
            #expect(try other.state() == file && other.description().accumulated == 1)
            try other.add(request(gradients(6, seed: 2)))
            try other.take(StepRequest(.accumulated(.mean, zeroes: true)))
        }
        try session.add(request(gradients(6, seed: 2)))
        try session.take(StepRequest(.accumulated(.mean, zeroes: true)))
        let next = try session.state()
        #expect(try world.store.session(named: "imported").state() == next)
        #expect(try world.store.session(named: "fork").state() == next)
        // A state without any takes the place of one with some.
        try session.add(request(gradients(6)))
        try world.importState(plain, as: "s")
        #expect(try session.state() == plain && session.description().accumulated == 0)
        for (name, part) in [("grad/a", "grad_weight/a"), ("grad_weight/b", "grad/b")] {
            let fault = #expect(throws: SessionError.self) {
                try world.importState(
                    renaming(name, to: "x" + name.dropFirst(), in: file),
                    as: "s")
            }
            #expect(fault == .missingTensor(name: name), "\(part) stays")
        }
        for weight in [0, -1, .nan, .infinity] {
            #expect(throws: SessionError.self) {
                try world.importState(setting("grad_weight/a", weight, in: file), as: "s")
            }
        }
    }
}
