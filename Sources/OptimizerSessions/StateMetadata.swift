import OptimizerEngine
import TensorFormats

/// The metadata of a state file, strictly read: these members and no others.
struct StateMetadata {
    let settings: SessionSettings
    let elementType: ElementType
    let step: Int
    let skipped: Int
    /// Gradients that are accumulated.
    let accumulated: Int

    static let pointer = "/__metadata__"

    init(_ members: [(name: String, value: String)]) throws(SessionError) {
        do throws(SettingsFault) {
            var texts: [String: String] = [:]
            for (name, text) in members { texts[name] = text }
            let version = try Self.take(StateFile.Metadata.formatVersion, &texts)
            guard version == StateFile.formatVersion else {
                throw SettingsFault(
                    .invalidValue, "\(Self.pointer)/\(StateFile.Metadata.formatVersion)",
                    "must be \"\(StateFile.formatVersion)\", the version known here")
            }
            step = try Self.count(StateFile.Metadata.step, &texts)
            skipped = try Self.count(StateFile.Metadata.skipped, &texts)
            let isBetweenSteps = texts[StateFile.Metadata.accumulated] != nil
            accumulated =
                isBetweenSteps ? try Self.count(StateFile.Metadata.accumulated, &texts) : 0
            let session = try Self.take(StateFile.Metadata.session, &texts)
            (settings, elementType) = try SettingsDocument.stateSettings(
                session, at: "\(Self.pointer)/\(StateFile.Metadata.session)")
            if let other = texts.keys.min() {
                throw SettingsFault(
                    .unknownMember, "\(Self.pointer)/\(JSONPointer.escape(other))",
                    "is not known here")
            }
        } catch {
            throw .invalidSettings(error)
        }
    }

    private static func take(
        _ name: String, _ texts: inout [String: String]
    ) throws(SettingsFault) -> String {
        guard let text = texts.removeValue(forKey: name) else {
            throw SettingsFault(
                .missingMember, "\(pointer)/\(name)", "is required")
        }
        return text
    }

    /// A number of steps, in digits.
    private static func count(
        _ name: String, _ texts: inout [String: String]
    ) throws(SettingsFault) -> Int {
        let text = try take(name, &texts)
        let isDigits = text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        guard isDigits, let count = Int(text), count <= SlotProgress.maximumStep else {
            throw SettingsFault(
                .invalidValue, "\(pointer)/\(name)", "must be a count in decimal digits")
        }
        return count
    }
}
