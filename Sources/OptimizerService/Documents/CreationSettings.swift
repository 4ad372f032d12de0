import OptimizerSessions
import TensorFormats

/// A creation's document without its tensors.
struct CreationSettings {
    let session: SessionSettings

    init(_ members: [JSONMember]) throws(Problem) {
        var rest = members
        if let index = rest.firstIndex(where: { $0.name == "durability" }) {
            try CreationSettings.check(durability: rest.remove(at: index).value)
        }
        session = try Problem.mapping { () throws(SettingsFault) in
            try SettingsDocument.settings(from: rest)
        }
    }

    /// Sessions live in memory; a promise that cannot be kept is refused, not weakened.
    private static func check(durability value: JSONValue) throws(Problem) {
        guard case .string(let word) = value else {
            throw Problem(
                .invalidValue, at: "/durability", "This must be a string, not \(value.kind).")
        }
        guard Durability(rawValue: word) != nil else {
            throw Problem(
                .invalidValue, at: "/durability",
                "Sessions are kept in memory only; ask for \"none\", or leave this out.")
        }
    }
}
