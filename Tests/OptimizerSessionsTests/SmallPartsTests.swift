import OptimizerEngine
import Testing

@testable import OptimizerSessions

@Suite struct BLAKE2bTests {
    /// Computed with another implementation (Python's hashlib).
    @Test(arguments: [
        (0, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"),
        (129, "f7f3c46ba2564ff4c4c162da1f5b605f9f1c4aa6a20652a9f9a337c1a2f5b9c9"),
        (1000, "b372d0608f720c8c3dd41e9c8eecb10143b41abe520b616607e754bf79c08331"),
    ])
    func knownDigests(_ count: Int, _ expected: String) {
        #expect(hexadecimal((0..<count).map { UInt8($0 % 251) }) == expected)
    }

    @Test func aWholeBlockIsTheLastOne() {
        #expect(
            hexadecimal(Array(0..<128))
                == "c3582f71ebb2be66fa5dd750f80baae97554f3b015663c8be377cfcb2488c1d1")
    }

    /// RFC 7693 appendix E hashes all lengths with its own check; three letters suffice here.
    @Test func abc() {
        #expect(
            hexadecimal(Array("abc".utf8))
                == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319")
    }

    private func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { BLAKE2b.digest(of: $0) }
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

@Suite struct RetiredNamesTests {
    @Test func aNameStartsAboveItsLastGeneration() {
        var names = RetiredNames(limit: 10)
        #expect(names.firstGeneration(of: "a") == 1)
        names.retire("a", lastGeneration: 4)
        #expect(names.firstGeneration(of: "a") == 5)
        #expect(names.firstGeneration(of: "b") == 1)
        names.retire("a", lastGeneration: 5)
        #expect(names.firstGeneration(of: "a") == 6)
    }

    @Test func forgottenNamesNeverComeBackLower() {
        var names = RetiredNames(limit: 2)
        names.retire("a", lastGeneration: 7)
        names.retire("b", lastGeneration: 1)
        #expect(names.firstGeneration(of: "new") == 1)
        names.retire("c", lastGeneration: 1)
        #expect(names.firstGeneration(of: "a") == 8)
        #expect(names.firstGeneration(of: "new") == 8)
        #expect(names.firstGeneration(of: "b") == 2)
    }
}

@Suite struct FirstInFirstOutTests {
    @Test func orderSurvivesMixedUse() {
        var queue = FirstInFirstOut<Int>()
        var next = 0
        var expected = 0
        for round in 0..<50 {
            for _ in 0..<(round % 7) {
                queue.enter(next)
                next += 1
            }
            for _ in 0..<(round % 5) where !queue.isEmpty {
                #expect(queue.leave() == expected)
                expected += 1
            }
            #expect(queue.count == next - expected)
        }
    }
}

@Suite struct StateBudgetTests {
    @Test func theLimitHoldsOnBothSides() throws {
        let budget = StateBudget(limitBytes: 100)
        var first: Reservation? = try budget.reserve(60)
        let second = try budget.reserve(40)
        #expect(budget.inUseBytes == 100)
        #expect(throws: SessionError.overBudget(.stateBytes, limit: 100, asked: 1)) {
            try budget.reserve(1)
        }
        #expect(throws: SessionError.overBudget(.stateBytes, limit: 100, asked: .max)) {
            try budget.reserve(.max)
        }
        #expect(first?.byteCount == 60)
        first = nil
        #expect(budget.inUseBytes == second.byteCount)
        withExtendedLifetime(try budget.reserve(60)) { #expect(budget.inUseBytes == 100) }
    }
}
