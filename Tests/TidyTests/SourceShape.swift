import Foundation

/// How long things are, and which words they contain.
enum SourceShape {
    static let fileLines = 400
    static let functionLines = 70
    static let lineColumns = 100

    struct Function: Equatable {
        let name: String
        /// Counted from 1.
        let firstLine: Int
        let lineCount: Int
    }

    static func longFileFaults(in file: TextFile) -> [String] {
        let count = file.lines.count - (file.text.hasSuffix("\n") ? 1 : 0)
        return count > fileLines ? ["\(file.path) has \(count) lines"] : []
    }

    /// A line that is one long address has nowhere to break.
    static func longLineFaults(in file: TextFile) -> [String] {
        file.lines.enumerated().filter { _, line in
            line.count > lineColumns && !line.contains("https://") && !line.contains("http://")
        }.map { index, line in "\(file.path):\(index + 1) has \(line.count) columns" }
    }

    static func longFunctionFaults(in file: TextFile) -> [String] {
        let functions = file.isC ? functions(inC: file.text) : functions(inSwift: file.text)
        return functions.filter { $0.lineCount > functionLines }.map {
            "\(file.path):\($0.firstLine) \($0.name) has \($0.lineCount) lines"
        }
    }

    /// Words that mark unfinished work or a way to end the process on a peer's bytes.
    static func forbiddenWordFaults(in file: TextFile) -> [String] {
        let code = CodeText.blanked(file.text)
        let marks = ["TODO", "FIXME", "XXX", "HACK"].filter { file.text.contains($0) }
        let traps = ["fatalError", "try!", " as!"].filter { code.contains($0) }
        return (marks + traps).map { word in
            "\(file.path) says \(word.trimmingCharacters(in: .whitespaces))"
        }
    }

    // MARK: Functions

    static func functions(inSwift source: String) -> [Function] {
        let code = CodeText.blanked(source)
        let declaration = #/
            (\.?)\b(?:func\h+(\w+|[^\s\w(]+)|init[?!]?\h*(?=[(<])|deinit\b
            |subscript\h*(?=[(<]))
            /#
        // Most lines hold no such word, and a search for one is cheaper than the expression.
        let lines = code.split(separator: "\n").filter { line in
            declarators.contains { line.contains($0) }
        }
        // `.init(` calls one.
        let matches = lines.flatMap { $0.matches(of: declaration) }
        return matches.filter { $0.output.1.isEmpty }.compactMap { match in
            guard let body = swiftBody(in: code, after: match.range.upperBound) else { return nil }
            let name = match.output.2.map(String.init)
                ?? match.output.0.trimmingCharacters(in: .whitespaces)
            return function(name, in: code, from: match.range.lowerBound, to: body.upperBound)
        }
    }

    /// A function of C begins at the brace that opens at depth 0 after a closing parenthesis.
    static func functions(inC source: String) -> [Function] {
        let code = CodeText.blanked(source)
        var functions: [Function] = []
        var index = code.startIndex
        var lastSolid: Character = " "
        while index < code.endIndex {
            if code[index] == "{" {
                let end = closingBrace(in: code, from: index)
                if lastSolid == ")" {
                    functions.append(function("function", in: code, from: index, to: end))
                }
                index = end
                lastSolid = "}"
                continue
            }
            if !code[index].isWhitespace, code[index] != "\\" { lastSolid = code[index] }
            index = code.index(after: index)
        }
        return functions
    }

    private static func function(
        _ name: String, in code: String, from start: String.Index, to end: String.Index
    ) -> Function {
        let before = code.utf8[..<start].count { $0 == UInt8(ascii: "\n") }
        let inside = code.utf8[start..<end].count { $0 == UInt8(ascii: "\n") }
        return Function(name: name, firstLine: before + 1, lineCount: inside + 1)
    }

    /// The braces after a declaration's parameters; nil for a requirement of a protocol.
    private static func swiftBody(
        in code: String, after start: String.Index
    ) -> Range<String.Index>? {
        var depth = 0
        var index = start
        while index < code.endIndex {
            switch code[index] {
            case "(", "[": depth += 1
            case ")", "]": depth -= 1
            case "{" where depth == 0: return index..<closingBrace(in: code, from: index)
            case "}" where depth == 0: return nil
            case let letter where depth == 0 && letter.isLetter:
                let word = code[index...].prefix { $0.isLetter }
                if declarationWords.contains(String(word)) { return nil }
                index = word.endIndex
                continue
            default: break
            }
            index = code.index(after: index)
        }
        return nil
    }

    private static let declarators = ["func ", "init", "deinit", "subscript"]

    private static let declarationWords: Set<String> = [
        "func", "var", "let", "init", "deinit", "subscript", "case", "struct", "class", "enum",
        "protocol", "extension", "typealias", "associatedtype",
    ]

    private static func closingBrace(in code: String, from opening: String.Index) -> String.Index {
        var depth = 0
        var index = opening
        while index < code.endIndex {
            if code.utf8[index] == UInt8(ascii: "{") { depth += 1 }
            if code.utf8[index] == UInt8(ascii: "}") { depth -= 1 }
            index = code.utf8.index(after: index)
            if depth == 0 { return index }
        }
        return index
    }
}
