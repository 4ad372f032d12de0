import Testing

@Suite("The corpus of requests")
struct CorpusTests {
    @Test("Every case, whole", arguments: try CorpusCase.all())
    func whole(_ example: CorpusCase) {
        #expect(Replay.events(of: [example.input]) == example.events)
    }

    @Test("Every case, byte by byte", arguments: try CorpusCase.all())
    func byteByByte(_ example: CorpusCase) {
        #expect(Replay.byteByByte(example.input) == example.events)
    }

    /// Long inputs are cut near their ends and at every 997th byte; the others at every byte.
    @Test("Every case, in two pieces", arguments: try CorpusCase.all())
    func inTwo(_ example: CorpusCase) {
        let input = example.input
        for cut in 0...input.count {
            let isNearEnd = cut < 200 || input.count - cut < 200
            guard isNearEnd || cut % 997 == 0 else { continue }
            let events = Replay.events(of: [input[..<cut], input[cut...]])
            if events != example.events {
                Issue.record("cut at byte \(cut): \(events)")
                return
            }
        }
    }

    @Test("Every case names its paragraph, and there are more than a hundred")
    func wellFormed() throws {
        let cases = try CorpusCase.all()
        #expect(cases.count > 100)
        #expect(cases.filter { $0.paragraph.isEmpty || $0.events.isEmpty }.isEmpty)
    }

    @Test("A wrong expectation is noticed")
    func canary() throws {
        var example = try #require(CorpusCase.all().first { $0.file == "chunked.txt" })
        example.input[example.input.count - 1] = UInt8(ascii: "x")
        #expect(Replay.events(of: [example.input]) != example.events)
    }
}
