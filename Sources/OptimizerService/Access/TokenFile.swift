/// The text of a file of tokens: one a line, `ID HASH SCOPES PREFIXES`; blank lines and lines that
/// begin with `#` say nothing.
package enum TokenFile {
    /// Files are read whole.
    package static let limitBytes = 1 << 20
    /// A request's token is compared with every one there is, which takes 14 ns with ten of them
    /// and 9 µs with ten thousand.
    package static let tokenLimit = 10_000

    package static func parse(_ bytes: [UInt8]) throws(TokenFileFault) -> TokenTable {
        var entries: [TokenEntry] = []
        var lineOfID: [String: Int] = [:]
        var lineOfDigest: [TokenDigest: Int] = [:]
        var number = 0
        var rest = bytes[...]
        while !rest.isEmpty {
            number += 1
            do throws(TokenRule) {
                guard let entry = try Self.entry(ofLine: try takeLine(&rest)) else { continue }
                if let line = lineOfID.updateValue(number, forKey: entry.principal.id) {
                    throw .repeatedID(line: line)
                }
                if let line = lineOfDigest.updateValue(number, forKey: entry.digest) {
                    throw .repeatedHash(line: line)
                }
                entries.append(entry)
                guard entries.count <= tokenLimit else { throw .tokenCount }
            } catch {
                throw TokenFileFault(line: number, rule: error)
            }
        }
        return TokenTable(entries)
    }

    /// A file with one more token. What there is must be in order.
    package static func adding(
        _ entry: TokenEntry, to bytes: [UInt8]
    ) throws(TokenFileFault) -> [UInt8] {
        _ = try parse(bytes)
        let whole = bytes + Array("\(entry.line)\n".utf8)
        _ = try parse(whole)
        return whole
    }

    /// Takes the next line off. One that does not end may have been cut off anywhere, and a
    /// shorter prefix opens more sessions.
    private static func takeLine(_ rest: inout ArraySlice<UInt8>) throws(TokenRule) -> Substring {
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { throw .unfinished }
        defer { rest = rest[(end + 1)...] }
        return Substring(decoding: rest[..<end], as: UTF8.self)
    }

    /// nil when the line says nothing.
    private static func entry(ofLine line: Substring) throws(TokenRule) -> TokenEntry? {
        let words = line.split { $0 == " " || $0 == "\t" }
        guard let id = words.first, !id.hasPrefix("#") else { return nil }
        guard words.count == 4 else { throw .fields }
        guard let digest = TokenDigest(hexadecimal: words[1]) else { throw .hash }
        return try TokenEntry(id: id, digest: digest, scopes: words[2], prefixes: words[3])
    }
}

/// A file that cannot be used, and where.
package struct TokenFileFault: Error, Equatable, CustomStringConvertible {
    package let line: Int
    package let rule: TokenRule

    package var description: String { "line \(line): \(rule)" }
}
