@testable import HTTP1

/// The parsers of field values, on what the fields of an accepted head really hold.
enum FieldAudit {
    static func check(_ head: RequestHead) throws {
        try checkMediaType(head.fields.first("content-type"))
        try checkAccept(head.fields.combined("accept"))
        try checkTags(head.fields.combined("if-match"))
        try checkTags(head.fields.combined("if-none-match"))
        try checkQuery(head.query)
        let wish = head.fields.combined("prefer")
        if Preferences(wish).returnsMinimal {
            try require(wish?.contains("minimal") == true, "nobody gets what he did not ask for")
        }
        _ = PercentCoding.decode(Substring(head.path))
    }

    private static func checkMediaType(_ value: String?) throws {
        guard let value, let type = MediaType(value) else { return }
        try require(
            MediaType(type.essence)?.isSameKind(as: type) == true,
            "\(type.essence) reads as itself")
        for parameter in type.parameters {
            try requireEqual(
                parameter.name, parameter.name.lowercased(), "parameters' names are small")
        }
    }

    private static func checkAccept(_ value: String?) throws {
        guard let accept = try? Accept(value) else { return }
        let types = [MediaType("text", "plain"), MediaType("application", "json")]
        let qualities = types.map { accept.quality(of: $0) }
        try require(qualities.allSatisfy((0...1000).contains), "weights are thousandths")
        let best = qualities.max() ?? 0
        try requireEqual(
            accept.preferred(among: types), best > 0 ? qualities.firstIndex(of: best) : nil,
            "the most welcome type is preferred")
    }

    /// Written again, a list reads the same.
    private static func checkTags(_ value: String?) throws {
        guard let value, case .tags(let tags)? = try? EntityTagList(value) else { return }
        try require(!tags.isEmpty, "a list of tags has one")
        let text = tags.map { ($0.isWeak ? "W/\"" : "\"") + $0.opaque + "\"" }
            .joined(separator: ",")
        try requireEqual(try EntityTagList(text), .tags(tags), "\(text) reads as itself")
    }

    private static func checkQuery(_ query: String?) throws {
        guard let query, let pairs = try? QueryString.parse(query) else { return }
        try require(
            pairs.count <= query.utf8.count { $0 == UInt8(ascii: "&") } + 1,
            "there are no more pairs than places for them")
        let length = pairs.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        try require(length <= query.utf8.count, "decoding makes nothing longer")
    }
}
