import Foundation
import Testing

/// One case of a corpus file; the format is described in `Corpus/README.md`.
struct CorpusCase: CustomTestStringConvertible, Sendable {
    let file: String
    var title: String
    var paragraph = ""
    var input: [UInt8] = []
    var events: [String] = []

    var testDescription: String { "\(file): \(title)" }

    static func all() throws -> [CorpusCase] {
        let folder = try #require(Bundle.module.url(forResource: "Corpus", withExtension: nil))
        let files = try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil)
        return try files.filter { $0.pathExtension == "txt" }
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
            .flatMap { try cases(in: $0) }
    }

    private static func cases(in file: URL) throws -> [CorpusCase] {
        var cases: [CorpusCase] = []
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("== ") {
                let title = String(line.dropFirst(3))
                cases.append(CorpusCase(file: file.lastPathComponent, title: title))
            } else if line.hasPrefix("RFC ") {
                cases[cases.count - 1].paragraph = String(line)
            } else if line.hasPrefix(">") {
                cases[cases.count - 1].input += try unescape(line.dropFirst(2))
            } else if line.hasPrefix("< ") {
                let event = try unescape(line.dropFirst(2))
                cases[cases.count - 1].events.append(visible(event))
            } else {
                throw CorpusFault(file: file.lastPathComponent, line: String(line))
            }
        }
        return cases
    }
}

struct CorpusFault: Error {
    let file: String
    let line: String
}

/// Bytes from text with the corpus's escapes.
func unescape(_ text: some StringProtocol) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "\\") else {
            bytes.append(byte)
            continue
        }
        switch rest.popFirst() {
        case UInt8(ascii: "r"): bytes.append(0x0d)
        case UInt8(ascii: "n"): bytes.append(0x0a)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "\\"): bytes.append(0x5c)
        case UInt8(ascii: "x"):
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard let value = UInt8(digits, radix: 16) else { throw EscapeFault() }
            bytes.append(value)
            rest = rest.dropFirst(2)
        case UInt8(ascii: "{"):
            guard let end = rest.firstIndex(of: UInt8(ascii: "}")),
                let star = rest[..<end].lastIndex(of: UInt8(ascii: "*")),
                let count = Int(String(decoding: rest[star..<end].dropFirst(), as: UTF8.self))
            else { throw EscapeFault() }
            let part = try unescape(String(decoding: rest[..<star], as: UTF8.self))
            for _ in 0..<count { bytes += part }
            rest = rest[end...].dropFirst()
        default: throw EscapeFault()
        }
    }
    return bytes
}

struct EscapeFault: Error {}

/// Text in which every byte that is not printable ASCII is spelled out.
func visible(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes {
        switch byte {
        case 0x0d: text += "\\r"
        case 0x0a: text += "\\n"
        case 0x09: text += "\\t"
        case 0x5c: text += "\\\\"
        case 0x20...0x7e: text.unicodeScalars.append(Unicode.Scalar(byte))
        default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return text
}
