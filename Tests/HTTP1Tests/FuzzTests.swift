import SeededChance
import Testing

@testable import HTTP1

/// Seeded mutations of the corpus. Nothing is known of what they mean, except that it must not
/// depend on how the bytes are cut into pieces, and that nothing traps.
@Suite("Mutated requests")
struct FuzzTests {
    @Test("mean the same whole and byte by byte", arguments: [1, 2, 3, 4] as [UInt64])
    func splitInvariance(_ seed: UInt64) throws {
        let seeds = try CorpusCase.all().map(\.input).filter { $0.count < 2048 }
        let culprit = firstVariance(seeds, SplitMix(seed: seed), runs: 4000) {
            Replay.events(of: $0)
        }
        #expect(culprit == nil, "\(visible(culprit ?? []))")
    }

    /// The canary: a reading that forgets a CR at the end of a piece must be caught.
    @Test("are told apart when a reader depends on the cuts")
    func canary() throws {
        let seeds = try CorpusCase.all().map(\.input).filter { $0.count < 2048 }
        let culprit = firstVariance(seeds, SplitMix(seed: 1), runs: 4000) { pieces in
            Replay.events(of: pieces.map { $0.last == 0x0d ? $0.dropLast() : $0[...] })
        }
        #expect(culprit != nil)
    }

    /// Field values of nothing but grammar: whatever is accepted must read the same a second time.
    @Test("never trap the parsers of field values")
    func fieldValues() throws {
        let pieces = [
            "a", "W", "*", "/", "\"", "\\", ",", ";", "=", " ", "\t", "q=0.5", "1", ".", "%4", "+",
            "é", "W/\"a\"", "return=minimal", "text/plain", "%C3%A9", "&",
        ]
        var generator = SplitMix(seed: 7)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...9, using: &generator)
            let value = (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }
                .joined()
            if let type = MediaType(value) {
                #expect(MediaType(type.essence)?.isSameKind(as: type) == true)
            }
            if let accept = try? Accept(value) {
                #expect((0...1000).contains(accept.quality(of: MediaType("text", "plain"))))
            }
            if case .tags(let tags)? = try? EntityTagList(value) {
                let text = tags.map { ($0.isWeak ? "W/\"" : "\"") + $0.opaque + "\"" }
                #expect(try EntityTagList(text.joined(separator: ",")) == .tags(tags))
            }
            let preferences = Preferences(value)
            if preferences.returnsMinimal { #expect(value.contains("minimal")) }
            if let pairs = try? QueryString.parse(value) {
                #expect(pairs.count <= value.utf8.count(where: { $0 == UInt8(ascii: "&") }) + 1)
            }
        }
    }

    private func firstVariance(
        _ seeds: [[UInt8]], _ generator: SplitMix, runs: Int,
        _ replay: ([[UInt8]]) -> [String]
    ) -> [UInt8]? {
        var generator = generator
        for _ in 0..<runs {
            let input = mutation(of: seeds, &generator)
            if replay([input]) != replay(input.map { [$0] }) { return input }
        }
        return nil
    }

    /// One corpus input with one to four small injuries, at times spliced with another one.
    private func mutation(of seeds: [[UInt8]], _ generator: inout SplitMix) -> [UInt8] {
        var input = seeds.randomElement(using: &generator) ?? []
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let place = Int.random(in: 0...input.count, using: &generator)
            let isInside = place < input.count
            switch Int.random(in: 0..<6, using: &generator) {
            case 0 where isInside: input[place] = UInt8.random(in: 0...255, using: &generator)
            case 1 where isInside: input[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 2 where isInside: input.remove(at: place)
            case 3:
                let special = Array("\r\n :;,\t0a/".utf8)
                input.insert(special.randomElement(using: &generator) ?? 0, at: place)
            case 4:
                let other = seeds.randomElement(using: &generator) ?? []
                input = Array(input[..<place]) + other.dropFirst(min(place, other.count))
            default:
                let end = Int.random(in: place...input.count, using: &generator)
                input.insert(contentsOf: input[place..<min(end, place + 32)], at: place)
            }
        }
        return input
    }
}
