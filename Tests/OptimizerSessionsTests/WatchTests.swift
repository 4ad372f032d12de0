import OptimizerEngine
import Synchronization
import SystemIO
import Testing

@testable import OptimizerSessions

/// Who waits for a session to change hears of it once, and misses nothing.
@Suite struct WatchTests {
    private final class Heard: Sendable {
        private let count = Atomic<Int>(0)
        var times: Int { count.load(ordering: .sequentiallyConsistent) }

        func watch() -> SessionWatch {
            SessionWatch { self.count.add(1, ordering: .sequentiallyConsistent) }
        }
    }

    @Test func everyChangeIsHeardOfOnce() throws {
        let world = try World()
        let changes: [(Session) throws -> Void] = [
            { try $0.take(gradients(6)) }, { try $0.change { $0.defaults[.lr] = 1 } },
            { session in
                let place = TensorPlace(slab: try Slab([1.0, 2], .f64), byteOffset: 0, type: .f64)
                _ = try wait { session.writeParameters([place, nil], completion: $0) }
            },
            { try world.importState(try $0.state(), as: $0.name) },
            { try world.remove($0.name) },
        ]
        for change in changes {
            let session = try world.session("s", .sample())
            let (heard, gone) = (Heard(), Heard())
            let left = gone.watch()
            #expect(session.add(heard.watch(), from: session.tag))
            #expect(session.add(left, from: session.tag))
            session.remove(left)
            let tag = session.tag
            try change(session)
            #expect(heard.times == 1 && gone.times == 0)
            // What is past needs no waiting.
            #expect(!session.add(heard.watch(), from: tag))
            if session.tag != tag {
                try session.take(gradients(6, seed: 2))
                #expect(heard.times == 1)
                try world.remove("s")
            }
        }
    }

    @Test func whatIsNoChangeIsNotHeardOf() throws {
        let world = try World()
        let session = try world.session("s", .sample(SessionSettings(nonfinite: .skip)))
        let heard = Heard()
        #expect(session.add(heard.watch(), from: session.tag))
        try session.take([.nan, 0, 0, 0, 0, 0])
        try session.add(StepRequest(gradients: .whole(gradients(6))))
        #expect(heard.times == 0)
        try session.take(gradients(6))
        #expect(heard.times == 1)
    }

    /// Whoever looks and then waits is told of the change that comes in between.
    @Test func nothingComesBetweenLookingAndWaiting() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        let steps = 300
        let heard = Heard()
        let late = Atomic<Int>(0)
        let follower = try WorkerThread(name: "follower") {
            var tag = SessionTag(generation: 1, step: 0)
            while tag.step < steps {
                let before = heard.times
                if session.add(heard.watch(), from: tag) {
                    while heard.times == before {}
                } else {
                    late.add(1, ordering: .relaxed)
                }
                tag = session.tag
            }
        }
        for seed in 1...steps { try session.take(gradients(6, seed: seed)) }
        follower.join()
        #expect(heard.times + late.load(ordering: .relaxed) <= steps)
    }
}
