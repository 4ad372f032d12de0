/// Swift or C with comments and the insides of literals blanked out, so that a search for a word
/// or a brace finds code only. Line breaks stay where they were.
struct CodeText {
    private(set) var code: [UInt8] = []
    private let input: [UInt8]
    private var position = 0

    /// What the text at `position` is part of.
    private enum Context {
        case code
        /// Inside `\(…)`, with the parentheses still open in it.
        case interpolation(openParentheses: Int)
        case literal(hashes: Int, quotes: Int)
        case blockComment(depth: Int)
        case lineComment
    }
    private var contexts: [Context] = [.code]

    static func blanked(_ text: String) -> String {
        var lexer = CodeText(text)
        lexer.run()
        return String(decoding: lexer.code, as: UTF8.self)
    }

    private init(_ text: String) { input = Array(text.utf8) }

    private mutating func run() {
        while position < input.count {
            switch contexts[contexts.count - 1] {
            case .code, .interpolation: readCode()
            case .literal(let hashes, let quotes): readLiteral(hashes: hashes, quotes: quotes)
            case .blockComment(let depth): readBlockComment(depth: depth)
            case .lineComment: readLineComment()
            }
        }
    }

    private mutating func readCode() {
        if starts(with: "//") { contexts.append(.lineComment); blank(2) }
        else if starts(with: "/*") { contexts.append(.blockComment(depth: 1)); blank(2) }
        else if let hashes = hashesBeforeQuote() {
            let quotes = starts(with: "\"\"\"", offset: hashes) ? 3 : 1
            contexts.append(.literal(hashes: hashes, quotes: quotes))
            blank(hashes + quotes)
        } else {
            countParenthesis()
            code.append(input[position])
            position += 1
        }
    }

    private mutating func countParenthesis() {
        guard case .interpolation(let open) = contexts[contexts.count - 1] else { return }
        switch input[position] {
        case UInt8(ascii: "("):
            contexts[contexts.count - 1] = .interpolation(openParentheses: open + 1)
        case UInt8(ascii: ")") where open == 1: contexts.removeLast()
        case UInt8(ascii: ")"):
            contexts[contexts.count - 1] = .interpolation(openParentheses: open - 1)
        default: break
        }
    }

    private mutating func readLiteral(hashes: Int, quotes: Int) {
        let fence = String(repeating: "#", count: hashes)
        if starts(with: "\\" + fence + "(") {
            contexts.append(.interpolation(openParentheses: 1))
            blank(hashes + 1)
            code.append(UInt8(ascii: "("))
            position += 1
        } else if starts(with: "\\" + fence) {
            blank(hashes + 2)
        } else if starts(with: String(repeating: "\"", count: quotes) + fence) {
            contexts.removeLast()
            blank(quotes + hashes)
        } else if quotes == 1, isLineBreak(input[position]) {
            contexts.removeLast()  // An unpaired quote, as in a C character or a #error line.
        } else {
            blank(1)
        }
    }

    private mutating func readBlockComment(depth: Int) {
        if starts(with: "/*") {
            contexts[contexts.count - 1] = .blockComment(depth: depth + 1)
            blank(2)
        } else if starts(with: "*/") {
            contexts.removeLast()
            if depth > 1 { contexts.append(.blockComment(depth: depth - 1)) }
            blank(2)
        } else {
            blank(1)
        }
    }

    private mutating func readLineComment() {
        if isLineBreak(input[position]) { contexts.removeLast() } else { blank(1) }
    }

    private func hashesBeforeQuote() -> Int? {
        var end = position
        while end < input.count, input[end] == UInt8(ascii: "#") { end += 1 }
        return end < input.count && input[end] == UInt8(ascii: "\"") ? end - position : nil
    }

    private func starts(with text: String, offset: Int = 0) -> Bool {
        let start = position + offset
        guard start <= input.count else { return false }
        return input[start...].starts(with: text.utf8)
    }

    private mutating func blank(_ count: Int) {
        for byte in input[position..<min(position + count, input.count)] {
            code.append(isLineBreak(byte) ? byte : UInt8(ascii: " "))
        }
        position = min(position + count, input.count)
    }

    private func isLineBreak(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") }
}
