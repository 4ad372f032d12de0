import Testing

@testable import OptimizerService

@Suite struct TokenSecretTests {
    @Test func aSecretHasItsForm() throws {
        var generator = SystemRandomNumberGenerator()
        let secrets = (0..<100).map { _ in TokenSecret(using: &generator).text }
        #expect(Set(secrets).count == 100)
        for text in secrets {
            // The last of 43 digits has four bits of the 256.
            #expect(text.wholeMatch(of: #/opt_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]/#) != nil)
            #expect(TokenSecret(presented: text)?.text == text)
        }
        // Every digit comes at every place: no bit is always the same.
        let seen = (4..<46).map { place in Set(secrets.map { Array($0.utf8)[place] }).count }
        #expect(seen.allSatisfy { $0 > 20 })
    }

    @Test(arguments: [
        "", "opt_", "opt_A", "OPT_" + String(repeating: "A", count: 43),
        "opt_" + String(repeating: "A", count: 42), "opt_" + String(repeating: "A", count: 44),
        String(repeating: "A", count: 47),
    ])
    func otherTextsAreNoTokens(text: String) {
        #expect(TokenSecret(presented: text) == nil)
    }

    /// As `printf %s TOKEN | sha256sum` has it.
    @Test func theDigestIsSHA256OfTheText() throws {
        let secret = try #require(
            TokenSecret(presented: "opt_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno-8"))
        let expected = "34bfc9dfa9b38854c6f500663e6aa408c6de948b1664f956c4d73770c369922b"
        #expect(try secret.digest().hexadecimal == expected)
    }
}

@Suite struct TokenDigestTests {
    private let bytes = (0..<32).map { UInt8($0 * 37 % 256) }

    @Test func equalDigestsGiveAllOnes() {
        #expect(TokenDigest(bytes).equalityMask(TokenDigest(bytes)) == .max)
        let (zero, ones) = ([UInt8](repeating: 0, count: 32), [UInt8](repeating: 255, count: 32))
        #expect(TokenDigest(zero).equalityMask(TokenDigest(zero)) == .max)
        #expect(TokenDigest(ones).equalityMask(TokenDigest(ones)) == .max)
        #expect(TokenDigest(zero).equalityMask(TokenDigest(ones)) == 0)
    }

    @Test func oneBitMakesTheDifference() {
        for bit in 0..<256 {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(TokenDigest(bytes).equalityMask(TokenDigest(changed)) == 0, "bit \(bit)")
            // The same bit in two words must not cancel out.
            for word in 1..<4 {
                var twice = changed
                twice[(bit / 8 + 8 * word) % 32] ^= 1 << UInt8(bit % 8)
                #expect(TokenDigest(bytes).equalityMask(TokenDigest(twice)) == 0)
            }
        }
    }

    @Test func hexadecimalReadsBack() {
        let digest = TokenDigest(bytes)
        #expect(digest.hexadecimal.hasPrefix("00254a6f94b9de03"))
        #expect(TokenDigest(hexadecimal: digest.hexadecimal[...]) == digest)
        #expect(TokenDigest(hexadecimal: digest.hexadecimal.uppercased()[...]) == digest)
    }

    @Test(arguments: ["", "0", "g", "é", " ", "+", "-", "\u{0}"])
    func otherTextsAreNoDigests(end: String) {
        for length in [63, 64, 65] {
            let text = String(repeating: "0", count: length - end.utf8.count) + end
            let isOne = length == 64 && (end == "0" || end == "")
            #expect((TokenDigest(hexadecimal: text[...]) != nil) == isOne)
        }
    }
}

@Suite struct TokenTableTests {
    private func digest(_ number: Int) -> TokenDigest {
        TokenDigest((0..<32).map { UInt8(($0 &* 31 &+ number) & 255) })
    }

    @Test(arguments: [0, 1, 2, 7, 100])
    func everyTokenIsFoundAndNoOther(count: Int) throws {
        let table = TokenTable(try (0..<count).map { number in
            try TokenEntry(
                id: "t\(number)"[...], digest: digest(number), scopes: "read", prefixes: "*")
        })
        #expect(table.count == count)
        for number in 0..<count {
            #expect(table.principal(with: digest(number))?.id == "t\(number)")
        }
        for number in count..<count + 100 {
            #expect(table.principal(with: digest(number)) == nil)
        }
    }
}
