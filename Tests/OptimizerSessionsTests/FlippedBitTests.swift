import OptimizerEngine
import SeededChance
import SystemIO
import Testing

@testable import OptimizerSessions

/// A flipped bit anywhere in any file of a data directory.
@Suite struct FlippedBitTests {
    /// It leads to the same state as ever, to quarantine, or to a refusal of the whole directory;
    /// never to another state, and nothing that was acknowledged is cut off.
    @Test(arguments: 1...3)
    func noBitLeadsToAWrongState(_ seed: UInt64) throws {
        let directory = try TemporaryDirectory()
        let before = try made(in: directory)
        let files = try ["format", "lock"] + directory.files(of: "s", "")
            + directory.files(of: "t", "")
        #expect(files.count == 8)
        var dice = SplitMix(seed: seed)
        var verdicts: [String: Int] = [:]
        for file in files {
            let byteCount = try directory.bytes(file).count
            for _ in 0..<(byteCount == 0 ? 0 : 25) {
                let bit = Int.random(in: 0..<8 * byteCount, using: &dice)
                let copy = try TemporaryDirectory(copying: directory)
                try copy.damage(file) { $0 = $0.flipping(bit) }
                let verdict = try judge(copy, before)
                verdicts[verdict, default: 0] += 1
                #expect(verdict != "wrong", "bit \(bit) of \(file)")
            }
        }
        // Each way out was taken, so the test sees what it is there to see.
        #expect(Set(verdicts.keys) == ["same", "quarantined", "refused"], "\(verdicts)")
    }

    /// Two sessions, with two snapshots and two segments, and with one of each.
    private func made(in directory: TemporaryDirectory) throws -> [String: Portrait] {
        let world = try World(directory: directory)
        let history = History(type: .f32)
        let first = try world.session("s", try history.specification())
        try history.happen(in: world, to: first) { $0 == 6 }
        try world.session("t", try durableSample()).take(gradients(6))
        return try world.portraits()
    }

    private func judge(
        _ directory: TemporaryDirectory, _ before: [String: Portrait]
    ) throws -> String {
        let world: World
        do {
            world = try World(directory: directory)
        } catch is DataDirectoryFault {
            return "refused"
        }
        let names = world.store.list().entries
        guard names.map(\.name) == ["s", "t"] else { return "wrong" }
        let isTorn = world.events.values.contains { if case .tornTail = $0 { true } else { false } }
        var verdict = isTorn ? "wrong" : "same"
        for (name, description) in names {
            if description == nil {
                verdict = "quarantined"
            } else if try Portrait(world.store.session(named: name)) != before[name] {
                return "wrong"
            }
        }
        return verdict
    }
}
