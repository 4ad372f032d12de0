import ArgumentParser

/// Settings from the environment, rewritten as the flags that they stand for.
///
/// `OPTIMIZERD_MAX_CONNECTIONS=500` becomes `--max-connections 500`, placed before the real
/// arguments, so that both are parsed and checked by one piece of code and a flag wins.
enum EnvironmentArguments {
    static let prefix = "OPTIMIZERD_"

    /// - Parameters:
    ///   - settings: every group of settings, with any values.
    ///   - given: the arguments of the command line, without the program's name.
    static func arguments(
        settings: [any ParsableArguments], given: [String], environment: [String: String]
    ) throws(SettingError) -> [String] {
        var arguments: [String] = []
        var known: Set<String> = []
        for setting in settings.flatMap(names(of:)) {
            let variable = variable(for: setting.name)
            known.insert(variable)
            guard let value = environment[variable], !value.isEmpty,
                !isGiven(setting.name, in: given)
            else { continue }
            switch (setting.kind, value) {
            case (.option, _): arguments.append("--\(setting.name)=\(value)")
            case (.flag, "true"): arguments.append("--\(setting.name)")
            case (.flag, "false"): break
            case (.flag, _):
                throw SettingError("\(variable) must be true or false, not '\(value)'.")
            }
        }
        let unknown = environment.keys.filter { $0.hasPrefix(prefix) && !known.contains($0) }
        if let name = unknown.sorted().first {
            throw SettingError("The environment variable \(name) is no setting of optimizerd.")
        }
        return arguments + given
    }

    private enum Kind {
        case option
        /// Takes no value; its variable is `true` or `false`.
        case flag
    }

    /// The settings of one group by their names on the command line, which are found as the
    /// parser finds them: from the group's properties.
    private static func names(of group: any ParsableArguments) -> [(name: String, kind: Kind)] {
        Mirror(reflecting: group).children.compactMap { property in
            // A wrapped property's storage has an underscore before its name.
            guard let label = property.label, label.first == "_" else { return nil }
            let name = label.dropFirst()
                .map { $0.isUppercase ? "-" + $0.lowercased() : String($0) }.joined()
            return (name, property.value is Flag<Bool> ? .flag : .option)
        }
    }

    /// "max-connections" → "OPTIMIZERD_MAX_CONNECTIONS"
    static func variable(for option: String) -> String {
        prefix + option.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }

    private static func isGiven(_ option: String, in arguments: [String]) -> Bool {
        arguments.contains { $0 == "--\(option)" || $0.hasPrefix("--\(option)=") }
    }
}

/// A setting that cannot be used, in a sentence for the person who set it.
struct SettingError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
