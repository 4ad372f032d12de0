import Testing

@testable import OptimizerService

@Suite struct TokenFileTests {
    private static let hash = String(repeating: "0123456789abcdef", count: 4)
    private static let other = String(repeating: "fedcba9876543210", count: 4)

    private func parse(_ text: String) throws -> TokenTable {
        try TokenFile.parse(Array(text.utf8))
    }

    private func principal(_ text: String) throws -> Principal {
        let digest = try #require(TokenDigest(hexadecimal: Self.hash[...]))
        return try #require(try parse(text).principal(with: digest))
    }

    @Test func wordsAreWhatTheySay() throws {
        let principal = try principal(
            "# who\n\n \t\nalice-1 \t\(Self.hash) step  alice-,bob.\n#x\n")
        #expect(principal.id == "alice-1" && principal.scope == .step)
        #expect(principal.names == NamePrefixes(["alice-", "bob."]))
    }

    @Test(arguments: [
        ("read", Scope.read), ("step", .step), ("admin", .admin), ("read,step", .step),
        ("admin,read,step", .admin),
    ])
    func theGreatestScopeCounts(words: String, scope: Scope) throws {
        #expect(try principal("a \(Self.hash) \(words) *\n").scope == scope)
    }

    @Test func aStarOpensAllSessions() throws {
        #expect(try principal("a \(Self.hash) read *\n").names == .all)
        #expect(try principal("a \(Self.hash.uppercased()) read *\n").names == .all)
    }

    @Test(arguments: ["", "\n", "# nothing\n", "\n\n#\n"])
    func noTokenIsAFileToo(text: String) throws {
        #expect(try parse(text).count == 0)
    }

    @Test(arguments: [
        ("a HASH read\n", 1, TokenRule.fields),
        ("a HASH read * # why\n", 1, .fields),
        ("\n#\na\n", 3, .fields),
        ("-a HASH read *\n", 1, .id),
        ("ä HASH read *\n", 1, .id),
        ("a/b HASH read *\n", 1, .id),
        ("opt_a HASH read *\n", 1, .id),
        ("\u{0}a HASH read *\n", 1, .id),
        ("a 0123 read *\n", 1, .hash),
        ("a HASH0 read *\n", 1, .hash),
        ("a gHASH read *\n", 1, .hash),
        ("a opt_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno-8 read *\n", 1, .hash),
        ("a HASH write *\n", 1, .scopes),
        ("a HASH Read *\n", 1, .scopes),
        ("a HASH read, *\n", 1, .scopes),
        ("a HASH ,read *\n", 1, .scopes),
        ("a HASH read,read *\n", 1, .scopes),
        ("a HASH read **\n", 1, .prefixes),
        ("a HASH read a*\n", 1, .prefixes),
        ("a HASH read *,a\n", 1, .prefixes),
        ("a HASH read *,*\n", 1, .prefixes),
        ("a HASH read a,,b\n", 1, .prefixes),
        ("a HASH read a,a\n", 1, .prefixes),
        ("a HASH read .a\n", 1, .prefixes),
        ("a HASH read é\n", 1, .prefixes),
        ("a HASH read a\r\n", 1, .prefixes),
        ("a HASH read *\n\na OTHER read *\n", 3, .repeatedID(line: 1)),
        ("#\na HASH read *\nb HASH read *\n", 3, .repeatedHash(line: 2)),
        ("a HASH read alice-", 1, .unfinished),
        ("a HASH read *\n# cut", 2, .unfinished),
    ])
    func everySlipIsFound(text: String, line: Int, rule: TokenRule) {
        let text = text.replacing("HASH", with: Self.hash).replacing("OTHER", with: Self.other)
        #expect(throws: TokenFileFault(line: line, rule: rule)) { try parse(text) }
    }

    @Test func sentencesTellTheLineAndNothingOfIt() {
        let fault = TokenFileFault(line: 7, rule: .hash)
        #expect("\(fault)".hasPrefix("line 7: the hash "))
        let secret = "opt_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno-8"
        for text in [
            "\(secret) \(Self.hash) read *", "a \(secret) read *", "a \(Self.hash) \(secret) *",
            "a \(Self.hash) read *\(secret)", secret, "a \(Self.hash) read * \(secret)",
        ] {
            #expect { try parse(text + "\n") } throws: { !"\($0)".contains(secret.suffix(40)) }
        }
    }

    @Test func bytesThatAreNoTextAreRefused() {
        let line = Array("a \(Self.hash) read ".utf8)
        #expect(throws: TokenFileFault(line: 1, rule: .prefixes)) {
            try TokenFile.parse(line + [0xff, 0x0a])
        }
    }

    @Test func thereAreAsManyPrefixesAsMayBe() throws {
        let most = (0..<TokenEntry.prefixLimit).map { "p\($0)." }.joined(separator: ",")
        #expect(try principal("a \(Self.hash) read \(most)\n").names.contains("p99.x"))
        #expect(throws: TokenFileFault(line: 1, rule: .prefixCount)) {
            try parse("a \(Self.hash) read \(most),q\n")
        }
    }

    @Test func thereAreAsManyTokensAsMayBe() throws {
        func line(_ number: Int) -> String {
            let digits = String(number, radix: 16)
            let zeros = String(repeating: "0", count: 64 - digits.count)
            return "t\(number) \(zeros)\(digits) read *\n"
        }
        let most = (1...TokenFile.tokenLimit).map(line).joined()
        #expect(most.utf8.count <= TokenFile.limitBytes)
        #expect(try parse(most).count == TokenFile.tokenLimit)
        let fault = TokenFileFault(line: TokenFile.tokenLimit + 1, rule: .tokenCount)
        #expect(throws: fault) { try parse(most + line(TokenFile.tokenLimit + 1)) }
    }

    @Test func aTokenIsAddedToAFileInOrderOnly() throws {
        let digest = try #require(TokenDigest(hexadecimal: Self.other[...]))
        let entry = try TokenEntry(id: "b", digest: digest, scopes: "step", prefixes: "b-,c-")
        let old = "# mine\na \(Self.hash) read *\n"
        let new = try TokenFile.adding(entry, to: Array(old.utf8))
        #expect(String(decoding: new, as: UTF8.self) == old + "b \(Self.other) step b-,c-\n")
        #expect(throws: TokenFileFault(line: 4, rule: .repeatedID(line: 3))) {
            try TokenFile.adding(entry, to: new)
        }
        // Otherwise the new line would go on where the old one was cut off.
        #expect(throws: TokenFileFault(line: 1, rule: .unfinished)) {
            try TokenFile.adding(entry, to: Array("# mine".utf8))
        }
    }
}
