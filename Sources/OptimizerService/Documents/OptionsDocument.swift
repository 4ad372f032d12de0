import HTTP1
import OptimizerSessions
import TensorFormats

/// What a request may say beside its tensors, the same in every format: as members of a JSON body,
/// as the JSON text `options` in a safetensors file's metadata, or as query parameters with a raw
/// body or none.
protocol OptionsDocument {
    /// Every name, and of those the ones whose value in a query may be a word and is not JSON then.
    static var names: [String] { get }
    static var words: [String] { get }

    /// Nothing is said.
    init()
    init(_ members: [JSONMember]) throws(SettingsFault)
}

extension OptionsDocument {
    init(_ query: QueryParameters) throws(Problem) {
        guard !query.pairs.isEmpty else {
            self.init()
            return
        }
        var members: [JSONMember] = []
        for (name, text) in query.pairs {
            let isWord = Self.words.contains(name) && !text.startsWithDigit
            let value: JSONValue = isWord ? .string(text) : try Self.value(text, name)
            members.append(JSONMember(name: name, value: value))
        }
        self = try Problem.mapping { () throws(SettingsFault) in try Self(members) }
    }

    init(_ header: SafetensorsHeader, limits: FormatLimits) throws(Problem) {
        guard let text = header.metadata("options") else {
            self.init()
            return
        }
        var limits = limits
        limits.jsonValueBytes = min(limits.jsonValueBytes, ServiceLimits.documentBytes)
        let members = try MetadataText.object(text, named: "options", limits: limits)
        self = try Problem.mapping { () throws(SettingsFault) in try Self(members) }
    }

    private static func value(_ text: String, _ name: String) throws(Problem) -> JSONValue {
        do {
            return try text.parsedAsJSON()
        } catch {
            throw Problem(
                .malformedJSON, at: JSONPointer.of(name),
                "'\(name)' is not a JSON value: at byte \(error.offset), \(error.reason)")
        }
    }
}

extension String {
    fileprivate var startsWithDigit: Bool {
        utf8.first.map { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ?? false
    }
}
