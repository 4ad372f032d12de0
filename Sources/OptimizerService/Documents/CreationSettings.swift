import OptimizerSessions
import TensorFormats

/// A creation's document without its tensors.
struct CreationSettings {
    let session: SessionSettings
    let durability: Durability
    /// nil: as the service has it.
    let retainSteps: Int?

    /// As many steps as a session may ask to be kept: beyond every log's reach.
    static let retainedSteps = 0...1_000_000_000

    init(_ members: [JSONMember]) throws(Problem) {
        var own: [JSONMember] = []
        var rest: [JSONMember] = []
        for member in members {
            if ["durability", "retain_steps"].contains(member.name) {
                own.append(member)
            } else {
                rest.append(member)
            }
        }
        var reader = MemberReader(own, at: "")
        let settings = Result { () throws(SettingsFault) in
            try SettingsDocument.settings(from: rest)
        }
        (durability, retainSteps) = try Problem.mapping { () throws(SettingsFault) in
            let durability = try reader.choice("durability", of: Durability.self) ?? .log
            return (durability, try CreationSettings.retainSteps(from: &reader))
        }
        session = try Problem.mapping { () throws(SettingsFault) in try settings.get() }
    }

    private static func retainSteps(
        from reader: inout MemberReader
    ) throws(SettingsFault) -> Int? {
        guard let value = try reader.nullableNumber("retain_steps") ?? nil else { return nil }
        guard let steps = Int(exactly: value), retainedSteps.contains(steps) else {
            throw SettingsFault(
                .invalidValue, "/retain_steps",
                "must be null or a whole number from 0 to \(retainedSteps.upperBound)")
        }
        return steps
    }
}
