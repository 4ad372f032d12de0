import Foundation
import Testing

@Suite("Sources keep their size")
struct ShapeTests {
    static let languages = [".swift", ".c", ".h"]
    /// Also read by people, though by no compiler of ours.
    static let scripts = [
        ".py", ".sh", "deploy/run", "deploy/test", "Tests/check-costs", "Tests/fuzz",
        "Tests/sanitize", ".ci/run", "Benchmarks/run", "Benchmarks/plot",
    ]

    static func compiled() throws -> [TextFile] {
        try Repository.files { path in languages.contains { path.hasSuffix($0) } }
    }

    static func readable() throws -> [TextFile] {
        try Repository.files { path in (languages + scripts).contains { path.hasSuffix($0) } }
    }

    @Test func files() throws {
        #expect(try Self.readable().flatMap(SourceShape.longFileFaults) == [])
    }

    @Test func lines() throws {
        #expect(try Self.readable().flatMap(SourceShape.longLineFaults) == [])
    }

    @Test func functions() throws {
        let sources = try Self.compiled()
        #expect(sources.flatMap(SourceShape.longFunctionFaults) == [])
        // The measure sees functions at all.
        #expect(sources.filter(\.isSwift).flatMap { SourceShape.functions(inSwift: $0.text) }
            .count > 100)
    }

    @Test func nothingIsLeftForLaterAndNothingTraps() throws {
        let sources = try Self.compiled().filter { $0.path.hasPrefix("Sources/") }
        #expect(sources.flatMap(SourceShape.forbiddenWordFaults) == [])
    }
}

@Suite("The shape checks can fail")
struct ShapeCanaries {
    private func swift(_ text: String) -> TextFile { TextFile(path: "a.swift", text: text) }

    @Test func lengthOfFiles() {
        let atLimit = String(repeating: "\n", count: SourceShape.fileLines)
        #expect(SourceShape.longFileFaults(in: swift(atLimit)) == [])
        #expect(SourceShape.longFileFaults(in: swift(atLimit + "\n")).count == 1)
    }

    @Test func lengthOfLines() {
        let atLimit = String(repeating: "a", count: SourceShape.lineColumns)
        #expect(SourceShape.longLineFaults(in: swift(atLimit)) == [])
        #expect(SourceShape.longLineFaults(in: swift("\n" + atLimit + "b"))
            == ["a.swift:2 has 101 columns"])
        #expect(SourceShape.longLineFaults(in: swift("// https://" + atLimit)) == [])
    }

    @Test(arguments: [
        ("func name<T>(_ a: [T] = [], body: () -> Void = {}) -> T where T: Equatable {", "name"),
        ("    init?(a: Int) throws(Fault) {", "init?"),
        ("deinit {", "deinit"),
        ("subscript(i: Int) -> Int {", "subscript"),
        ("static func == (a: A, b: A) -> Bool {", "=="),
    ])
    func lengthOfSwiftFunctions(opening: String, name: String) {
        let short = opening + String(repeating: "\n", count: SourceShape.functionLines - 1) + "}"
        #expect(SourceShape.longFunctionFaults(in: swift(short)) == [])
        let tooLong = "struct S {\n" + opening
            + String(repeating: "\n", count: SourceShape.functionLines) + "}\n}\n"
        #expect(SourceShape.longFunctionFaults(in: swift(tooLong)).count == 1)
        #expect(SourceShape.functions(inSwift: tooLong)
            == [.init(name: name, firstLine: 2, lineCount: SourceShape.functionLines + 1)])
    }

    @Test func bracesInTextAreNotBraces() {
        let text = #"""
            func a() {
                let open = "{ \(["}"].count) {"
                // {
            }
            func b() {}
            """#
        #expect(SourceShape.functions(inSwift: text).map(\.lineCount) == [4, 1])
    }

    @Test func requirementsHaveNoBody() {
        let text = """
            protocol P {
                func a(_ b: Int) -> Int
                init(c: Int)
                var d: Int { get }
                func e()
            }
            extension P { func f() { self.init(c: 1) } }
            """
        #expect(SourceShape.functions(inSwift: text).map(\.name) == ["f"])
    }

    @Test func lengthOfCFunctions() {
        let body = "static int f(int a)\n{" + String(repeating: "\n", count: 70) + "}\n"
        let faults = SourceShape.longFunctionFaults(
            in: TextFile(path: "a.c", text: "struct s { int a; };\n" + body))
        #expect(faults == ["a.c:3 function has 71 lines"])
    }

    @Test(arguments: [
        ("// TODO later", "TODO"), ("/* FIXME */", "FIXME"), ("fatalError(\"no\")", "fatalError"),
        ("let a = try! b()", "try!"), ("let a = b as! Int", "as!"),
    ])
    func forbiddenWords(text: String, word: String) {
        #expect(SourceShape.forbiddenWordFaults(in: swift(text)) == ["a.swift says \(word)"])
    }

    @Test func wordsInTextAreNoTraps() {
        let text = "let a = try b(\"try! as! fatalError\") as? Int // try! is never written"
        #expect(SourceShape.forbiddenWordFaults(in: swift(text)) == [])
    }
}
