import Testing

@testable import HTTP1

@Suite("Prefer")
struct PreferencesTests {
    @Test("is a list of names with values")
    func list() {
        let preferences = Preferences(
            #"Respond-Async, wait=10;x=y, Lenient = "a, b" ,return=minimal"#)
        #expect(preferences.value(of: "respond-async") == "")
        #expect(preferences.value(of: "wait") == "10")
        #expect(preferences.value(of: "lenient") == "a, b")
        #expect(preferences.returnsMinimal)
        #expect(!Preferences(nil).returnsMinimal)
        #expect(!Preferences("return=representation").returnsMinimal)
    }

    @Test("counts the first of a repetition")
    func repetition() {
        #expect(!Preferences("return=representation, return=minimal").returnsMinimal)
    }

    @Test("passes over what is malformed", arguments: [
        "return=, return=minimal", "=, return=minimal", "\"x, y\", return=minimal",
        "a b, return=minimal", "a;=, return=minimal",
    ])
    func malformed(_ value: String) {
        #expect(Preferences(value).returnsMinimal)
    }

    @Test("ends at a string without its end")
    func unterminated() {
        #expect(!Preferences("a=\"b, return=minimal").returnsMinimal)
    }
}
