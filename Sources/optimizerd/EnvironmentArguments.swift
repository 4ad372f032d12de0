/// Settings from the environment, rewritten as the flags that they stand for.
///
/// `OPTIMIZERD_MAX_CONNECTIONS=500` becomes `--max-connections 500`, placed before the real
/// arguments, so that both are parsed and checked by one piece of code and a flag wins.
enum EnvironmentArguments {
    static let prefix = "OPTIMIZERD_"

    /// - Parameters:
    ///   - options: the names of options that take a value, such as "max-connections".
    ///   - flags: the names of those that take none; their variable is `true` or `false`.
    ///   - given: the arguments of the command line, without the program's name.
    static func arguments(
        options: [String], flags: [String], given: [String], environment: [String: String]
    ) throws(SettingError) -> [String] {
        var arguments: [String] = []
        var known: Set<String> = []
        for option in options {
            known.insert(variable(for: option))
            guard let value = environment[variable(for: option)], !value.isEmpty,
                !isGiven(option, in: given)
            else { continue }
            arguments.append("--\(option)=\(value)")
        }
        for flag in flags {
            known.insert(variable(for: flag))
            switch environment[variable(for: flag)] {
            case nil, "", "false": break
            case "true": if !isGiven(flag, in: given) { arguments.append("--\(flag)") }
            case let other?:
                throw SettingError("\(variable(for: flag)) must be true or false, not '\(other)'.")
            }
        }
        let unknown = environment.keys.filter { $0.hasPrefix(prefix) && !known.contains($0) }
        if let name = unknown.sorted().first {
            throw SettingError("The environment variable \(name) is no setting of optimizerd.")
        }
        return arguments + given
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
