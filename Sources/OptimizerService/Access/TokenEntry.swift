import OptimizerSessions

/// One token as the file of tokens keeps it: who has it, the digest of the secret, what it is for.
package struct TokenEntry: Sendable {
    package let principal: Principal
    package let digest: TokenDigest
    /// The line of the file, without its line feed.
    package let line: String

    /// So many prefixes are looked through for each request and each page of the list.
    package static let prefixLimit = 100

    /// - Parameters:
    ///   - scopes: joined by commas; the greatest holds the others.
    ///   - prefixes: of names of sessions, joined by commas, or `*` for all names.
    package init(
        id: Substring, digest: TokenDigest, scopes: Substring, prefixes: Substring
    ) throws(TokenRule) {
        // Names and ids are told in answers; a secret that stands in the wrong place must not be.
        guard SessionName.isValid(String(id)), !id.hasPrefix(TokenSecret.mark) else { throw .id }
        let scope = try Self.words(scopes, else: .scopes) { Scope(rawValue: String($0)) }.max()
        let names = try Self.words(prefixes, else: .prefixes) { word in
            word == "*" ? "" : SessionName.isValid(String(word)) ? String(word) : nil
        }
        guard names == [""] || !names.contains("") else { throw .prefixes }
        guard names.count <= Self.prefixLimit else { throw .prefixCount }
        principal = Principal(id: String(id), scope: scope, names: NamePrefixes(names))
        self.digest = digest
        line = "\(id) \(digest.hexadecimal) \(scopes) \(prefixes)"
    }

    /// The words between commas, each known and none twice.
    private static func words<Word: Hashable>(
        _ list: Substring, else rule: TokenRule, _ read: (Substring) -> Word?
    ) throws(TokenRule) -> [Word] {
        let parts = list.split(separator: ",", omittingEmptySubsequences: false)
        let words = parts.compactMap(read)
        guard words.count == parts.count, Set(words).count == words.count else { throw rule }
        return words
    }
}

/// What a token in the file can break. No sentence repeats what stands there: it may be a secret
/// that got into the wrong place, and sentences are logged.
package enum TokenRule: Error, Hashable, Sendable, CustomStringConvertible {
    case fields
    case id
    case hash
    case scopes
    case prefixes
    case prefixCount
    case repeatedID(line: Int)
    case repeatedHash(line: Int)
    case unfinished
    case tokenCount

    package var description: String {
        switch self {
        case .fields:
            "a token is four words with spaces between: id, hash, scopes, prefixes"
        case .id:
            "the id must be \(SessionName.rule), and not begin with \(TokenSecret.mark)"
        case .hash:
            "the hash must be the SHA-256 of the token, as 64 hexadecimal digits"
        case .scopes:
            "the scopes must be some of read, step and admin, joined by commas, none twice"
        case .prefixes:
            "the prefixes must be * alone or what names of sessions begin with, joined by "
                + "commas, none twice"
        case .prefixCount: "a token has at most \(TokenEntry.prefixLimit) prefixes"
        case .repeatedID(let line): "the id stands on line \(line) already"
        case .repeatedHash(let line): "the hash stands on line \(line) already"
        case .unfinished: "no line feed ends the line, so it may not be whole"
        case .tokenCount: "there are more than \(TokenFile.tokenLimit) tokens"
        }
    }
}
