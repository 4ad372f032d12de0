import Testing

@testable import OptimizerSessions

@Suite struct SessionTagTests {
    @Test func textReadsBack() {
        let tag = SessionTag(generation: 3, step: 120)
        #expect(tag.description == "3-120")
        #expect(SessionTag("3-120") == tag)
        #expect(SessionTag("3-120+raw.gzip") == tag)
        #expect(SessionTag("1-0") == SessionTag(generation: 1, step: 0))
    }

    @Test(arguments: [
        "", "-", "3", "3-", "-3", "0-1", "03-1", "3-01", "3-1-2", "3--1", "+3-1", " 3-1", "3-1 ",
        "3-1x", "٣-1", "99999999999999999999-1", "3-99999999999999999999", "W/3-1",
    ])
    func otherTextsAreNoTags(_ text: String) {
        #expect(SessionTag(text) == nil)
    }

    @Test func preconditionsLookAtTheCurrentTag() {
        let tag = SessionTag(generation: 2, step: 5)
        let other = SessionTag(generation: 3, step: 5)
        #expect(Precondition.exists.holds(for: tag))
        #expect(!Precondition.exists.holds(for: nil))
        #expect(Precondition.isAbsent.holds(for: nil))
        #expect(!Precondition.isAbsent.holds(for: tag))
        #expect(Precondition.isOneOf([other, tag]).holds(for: tag))
        #expect(!Precondition.isOneOf([other]).holds(for: tag))
        #expect(!Precondition.isOneOf([]).holds(for: tag))
        #expect(!Precondition.isOneOf([tag]).holds(for: nil))
        #expect(Precondition.isNoneOf([other]).holds(for: tag))
        #expect(Precondition.isNoneOf([tag]).holds(for: nil))
        #expect(!Precondition.isNoneOf([other, tag]).holds(for: tag))
        #expect(Precondition.all([.exists, .isNoneOf([other])]).holds(for: tag))
        #expect(!Precondition.all([.exists, .isNoneOf([tag])]).holds(for: tag))
    }
}

@Suite struct SessionNameTests {
    @Test(arguments: ["a", "0", "demo", "A.b_c-9", String(repeating: "x", count: 128)])
    func names(_ name: String) {
        #expect(SessionName.isValid(name))
    }

    @Test(arguments: [
        "", ".a", "-a", "_a", "a b", "a/b", "é", "e\u{301}", "a\u{0}",
        String(repeating: "x", count: 129),
    ])
    func notNames(_ name: String) {
        #expect(!SessionName.isValid(name))
    }
}
