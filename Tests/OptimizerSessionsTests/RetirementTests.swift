import SystemIO
import Testing

@testable import OptimizerSessions

/// A name never carries the same tag twice, whatever was deleted and whenever the process ended.
@Suite struct RetirementTests {
    private func generation(_ world: World, _ name: String) throws -> Int {
        let creation = try world.create(name, try durableSample())
        #expect(creation.kind == .created)
        return creation.description.tag.generation
    }

    @Test func aDeletedNameBeginsAboveItsLastGeneration() throws {
        let directory = try TemporaryDirectory()
        var expected = 1
        for _ in 0..<4 {
            let world = try World(directory: directory)
            #expect(try generation(world, "s") == expected)
            let session = try world.store.session(named: "s")
            try session.change { $0.defaults[.lr] = 0.5 }
            try session.take(gradients(6))
            #expect(try world.remove("s").generation == expected + 1)
            #expect(throws: SessionError.self) { try session.take(gradients(6)) }
            #expect(try generation(world, "s") == expected + 2)
            #expect(try world.remove("s") == SessionTag(generation: expected + 2, step: 0))
            expected += 3
        }
        let world = try World(directory: directory)
        #expect(world.store.sessionCount == 0)
        #expect(try directory.names("sessions") == ["s@retired-\(expected - 1)"])
        withExtendedLifetime(world) {}
    }

    /// A create that comes while the files of the name's last life are being removed.
    @Test func deletionsAndCreationsInARow() throws {
        let directory = try TemporaryDirectory()
        let world = try World(directory: directory)
        for round in 1...30 {
            #expect(try generation(world, "s") == round)
            try world.remove("s")
        }
        #expect(try generation(world, "s") == 31)
        try world.store.session(named: "s").take(gradients(6))
        world.store.archive?.librarian.sync {}
        #expect(try directory.names("sessions") == ["s@31"])
    }

    /// Names beyond the limit share one floor, which stays when there are more starts.
    @Test func forgottenNamesShareAFloor() throws {
        let directory = try TemporaryDirectory()
        func world() throws -> World {
            try World(directory: directory) { $0.retiredNameCount = 2 }
        }
        do {
            let world = try world()
            for (index, name) in ["a", "b", "c", "d"].enumerated() {
                try world.create(name, try durableSample())
                let session = try world.store.session(named: name)
                for _ in 0..<4 - index { try session.change { $0.defaults[.lr] = 0.5 } }
                try world.remove(name)
            }
            #expect(try generation(world, "x") == 6)
            try world.remove("x")
        }
        for round in 0..<2 {
            let world = try world()
            let name = "new\(round)"
            #expect(try generation(world, name) > 5)
            for (name, last) in [("a", 5), ("b", 4), ("c", 3), ("d", 2), ("x", 6)] {
                let session = try generation(world, name)
                #expect(session > last, "\(name)")
                try world.remove(name)
            }
        }
    }

    /// Of several lives that were not forgotten the last one counts, and no digit order.
    @Test(arguments: [["s@retired-9", "s@retired-12"], ["s@retired-100", "s@retired-99"]])
    func theHighestRetiredGenerationCounts(_ names: [String]) throws {
        let directory = try TemporaryDirectory()
        let last = names.compactMap { RetiredName($0)?.lastGeneration }.max() ?? 0
        for name in names { try Directory.create("\(directory.path)/sessions/\(name)") }
        let world = try World(directory: directory)
        #expect(try generation(world, "s") == last + 1)
    }

    /// How that can come about: a name that starts above the floor leaves its older life behind.
    @Test func aNameAboveTheFloorKeepsRising() throws {
        let directory = try TemporaryDirectory()
        for name in ["s@retired-2", "@retired-8"] {
            try Directory.create("\(directory.path)/sessions/\(name)")
        }
        var last = 0
        for _ in 0..<3 {
            let world = try World(directory: directory) { $0.retiredNameCount = 0 }
            for _ in 0..<3 {
                let next = try generation(world, "s")
                #expect(next > last && next > 8)
                last = next
                try world.remove("s")
            }
        }
    }

    /// Numbers that no session reaches in any time are somebody else's names, and end no process.
    @Test func absurdNumbersInNames() throws {
        let directory = try TemporaryDirectory()
        let sessions = "\(directory.path)/sessions"
        let (large, limit) = (Int.max, DataDirectory.highestNumber)
        for name in ["a@\(large)", "b@retired-\(large)", "c@\(limit)", "d@retired-\(limit)"] {
            try Directory.create("\(sessions)/\(name)")
        }
        let digits = "0000\(limit)"
        for name in ["log-\(digits)", "snapshot-\(digits)-\(limit).safetensors", "log-0\(large)"] {
            try directory.write([1], to: "sessions/c@\(limit)/\(name)")
        }
        let world = try World(directory: directory)
        #expect(world.store.list().entries.map(\.name) == ["c"])
        #expect(try world.remove("c").generation > limit)
        #expect(try generation(world, "b") == 1)
        #expect(try generation(world, "d") == limit + 1)
    }

    @Test func aRetiredNameNeverFalls() {
        var names = RetiredNames(limit: 3)
        names.retire("a", lastGeneration: 12)
        names.retire("a", lastGeneration: 9)
        #expect(names.firstGeneration(of: "a") == 13)
        names.raiseFloor(to: 20)
        names.raiseFloor(to: 15)
        #expect(names.firstGeneration(of: "new") == 21)
        #expect(names.firstGeneration(of: "a") == 13)
    }
}
