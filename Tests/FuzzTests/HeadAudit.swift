@testable import HTTP1

/// A second opinion on a head that was accepted, slow and obvious: lines split at CRLF, compared
/// with what the parser says of them. Whoever accepts what another reader of the same bytes sees
/// differently lets requests be smuggled (RFC 9112 §11.2).
struct HeadAudit {
    private let head: RequestHead
    private let limits: HTTPLimits
    /// Without the empty line in front and the one at the end.
    private let lines: [[UInt8]]

    init(_ head: RequestHead, _ bytes: [UInt8], _ limits: HTTPLimits) throws {
        self.head = head
        self.limits = limits
        var lines: [[UInt8]] = [[]]
        for (index, byte) in bytes.enumerated() {
            lines[lines.count - 1].append(byte)
            if byte == 10, index > 0, bytes[index - 1] == 13 {
                lines[lines.count - 1].removeLast(2)
                lines.append([])
            }
        }
        try requireEqual(lines.removeLast(), [], "a head ends with a line's end")
        try requireEqual(lines.removeLast(), [], "a head ends with an empty line")
        if lines.first == [] { lines.removeFirst() }
        self.lines = lines
    }

    func check() throws {
        for line in lines {
            try require(!line.isEmpty, "there is no empty line inside a head")
            try require(
                line.allSatisfy { $0 == 9 || ($0 >= 32 && $0 != 127) },
                "a head has no control characters, a bare CR or LF least of all")
        }
        try checkRequestLine(String(decoding: lines[0], as: UTF8.self))
        try checkFields()
        try checkMeaning()
    }

    private func checkRequestLine(_ line: String) throws {
        try require(lines[0].count <= limits.requestLineBytes, "the request line keeps its limit")
        try require(lines[0].allSatisfy { $0 < 127 }, "a request line is ASCII")
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        try requireEqual(words.count, 3, "a request line has three words")
        try requireEqual(words[0], head.method.name, "the first is the method")
        try require(Self.isToken(lines[0].prefix(words[0].utf8.count)), "which is a token")
        try requireEqual(words[1], head.target, "the second is the target")
        let versions = head.version == .http10 ? ["HTTP/1.0"] : (1...9).map { "HTTP/1.\($0)" }
        try require(versions.contains(words[2]), "the third is the version")
        let rest = head.path + (head.query.map { "?" + $0 } ?? "")
        if words[1].hasPrefix("/") {
            try requireEqual(rest, words[1], "path and query are the target")
        } else if words[1] == "*" {
            try requireEqual(words[0], "OPTIONS", "a star is for OPTIONS")
        } else {
            try require(words[1].contains("://"), "any other target is absolute")
            try require(
                words[1].hasSuffix(rest) || words[1].hasSuffix(rest.dropFirst()),
                "path and query end it")
        }
        let alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
            + ":/?@!$&'()*+,;=%"
        try require(rest.allSatisfy(alphabet.contains), "RFC 3986 lets them hold no more")
    }

    private func checkFields() throws {
        let section = lines.dropFirst()
        try require(section.count <= limits.fieldCount, "the number of fields keeps its limit")
        try require(
            section.reduce(0) { $0 + $1.count + 2 } <= limits.fieldSectionBytes,
            "the field section keeps its limit")
        try requireEqual(section.count, head.fields.count, "every line is a field")
        for (line, field) in zip(section, head.fields.lines) {
            guard let colon = line.firstIndex(of: 58) else {
                throw Finding("a field line without a colon was accepted")
            }
            try require(Self.isToken(line[..<colon]), "a field's name is a token")
            try requireEqual(
                Array(head.fields.bytes[field.name]), Array(line[..<colon]), "it is this one")
            try requireEqual(
                Array(head.fields.bytes[field.value]), Self.trimmed(line[(colon + 1)...]),
                "and its value this one")
        }
    }

    private func checkMeaning() throws {
        let isNew = head.version == .http11
        let hosts = values("host")
        try require(hosts.count == 1 || (hosts.isEmpty && !isNew), "there is one host")
        let lengths = values("content-length")
        let codings = values("transfer-encoding")
        let framing: BodyFraming
        if codings.isEmpty {
            try require(lengths.count < 2, "there is one length")
            let isDigits = lengths.allSatisfy { $0.utf8.allSatisfy { (48...57).contains($0) } }
            try require(isDigits, "a length is digits")
            framing = lengths.first.flatMap { UInt64($0) }.map { .length($0) } ?? .none
            try require(lengths.isEmpty || framing != .none, "a length is a number of 64 bits")
        } else {
            try require(isNew && lengths.isEmpty, "chunked comes alone, and not from HTTP/1.0")
            // Empty elements of a list mean nothing (RFC 9110 §5.6.1.2).
            let elements = codings.flatMap { $0.utf8.split(separator: UInt8(ascii: ",")) }
                .map { String(decoding: Self.trimmed($0), as: UTF8.self).lowercased() }
                .filter { !$0.isEmpty }
            try requireEqual(elements, ["chunked"], "chunked once")
            framing = .chunked
        }
        try requireEqual(head.framing, framing, "the body is framed as it says")
        let tokens = values("connection").flatMap {
            $0.utf8.split(separator: 44, omittingEmptySubsequences: false).map {
                String(decoding: Self.trimmed(Array($0)[...]), as: UTF8.self).lowercased()
            }
        }
        let keeps = !tokens.contains("close") && (isNew || tokens.contains("keep-alive"))
        try requireEqual(head.keepsAlive, keeps, "the connection is kept as it says")
        let waits = !values("expect").isEmpty && isNew && framing.hasBody
        try requireEqual(head.expectsContinue, waits, "100-continue is the only expectation")
    }

    private func values(_ name: String) -> [String] {
        lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: 58) else { return nil }
            let found = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            guard found == name else { return nil }
            return String(decoding: Self.trimmed(line[(colon + 1)...]), as: UTF8.self)
        }
    }

    private static func isToken(_ bytes: some Collection<UInt8>) -> Bool {
        let others = Array("!#$%&'*+-.^_`|~".utf8)
        return !bytes.isEmpty && bytes.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                || others.contains($0)
        }
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }
        return Array(bytes.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
