import SeededChance
import Testing

/// What libFuzzer is let loose on holds for every committed input and for small changes of them, so
/// that the ordinary suite notices what a finding was about when it comes back.
@Suite("Any bytes at all")
struct CorpusTests {
    @Test("keep to the invariants: every seed", arguments: FuzzTarget.allCases)
    func seeds(_ target: FuzzTarget) throws {
        let seeds = try Seed.all(of: target)
        #expect(seeds.count > 10)
        for seed in seeds {
            #expect(throws: Never.self, "\(seed.name)") { try target.check(seed.bytes) }
        }
    }

    @Test("keep to them: seeds with small injuries", arguments: FuzzTarget.allCases)
    func mutations(_ target: FuzzTarget) throws {
        // Long seeds cost the most and say the least.
        let seeds = try Seed.all(of: target).map(\.bytes).filter { $0.count < 1500 }
        var mutator = Mutator(seeds: seeds)
        for _ in 0..<1500 {
            let input = mutator.next()
            do {
                try target.check(input)
            } catch {
                Issue.record("\(error)\n\(input)")
                return
            }
        }
    }

    /// The other canaries are for libFuzzer and the sanitizers, which only Tests/fuzz has.
    @Test("that depend on the cuts are found")
    func canary() throws {
        let found = try Seed.all(of: .request).filter { seed in
            (try? Canary.cuts.check(seed.bytes)) == nil
        }
        #expect(found.count > 10)
    }
}

/// Seeds with one to four small injuries, at times spliced with another one.
struct Mutator {
    private let seeds: [[UInt8]]
    private var dice = SplitMix(of: [])

    init(seeds: [[UInt8]]) { self.seeds = seeds }

    /// Bytes that mean something in one format or another.
    private static let telling = Array("{}[]\",:\\0123456789.-+eEunt;/\r\n\t ".utf8)
        + [0, 1, 0x7f, 0x80, 0xed, 0xff]

    mutating func next() -> [UInt8] {
        var input = pick(seeds, else: [])
        for _ in 0...dice.below(4) {
            let place = dice.below(input.count + 1)
            switch dice.below(7) {
            case 0 where place < input.count: input[place] ^= 1 << UInt8(dice.below(8))
            case 1 where place < input.count: input[place] = pick(Self.telling, else: 0)
            case 2 where place < input.count: input.remove(at: place)
            case 3: input.insert(pick(Self.telling, else: 0), at: place)
            case 4: input.insert(contentsOf: input[place...].prefix(dice.below(32)), at: place)
            case 5: input.removeLast(min(input.count, dice.below(5)))
            default:
                let other = pick(seeds, else: [])
                input = Array(input[..<place]) + other.dropFirst(min(place, other.count))
            }
        }
        return input
    }

    private mutating func pick<Element>(_ choices: [Element], else other: Element) -> Element {
        choices.isEmpty ? other : choices[dice.below(choices.count)]
    }
}
