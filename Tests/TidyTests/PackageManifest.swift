/// What Package.swift says about targets, read from its text.
struct PackageManifest {
    struct Target: Equatable {
        let kind: String
        let name: String
        let dependencies: Set<String>
    }
    let targets: [Target]

    init(_ source: String) {
        let declaration =
            #/\.(target|executableTarget|systemLibrary|testTarget)\(\s*name:\s*"([^"]+)"/#
        let starts = source.matches(of: declaration)
        targets = starts.map { match in
            let body = PackageManifest.arguments(of: source[match.range.lowerBound...])
            return Target(
                kind: String(match.output.1), name: String(match.output.2),
                dependencies: PackageManifest.dependencies(in: body))
        }
    }

    /// One sentence for every dependency that the import table does not list.
    func faults() -> [String] {
        var faults: [String] = []
        for target in targets where target.kind != "testTarget" {
            guard let room = ImportTable.rooms.first(where: { $0.name == target.name }) else {
                faults.append("\(target.name) is not in the import table")
                continue
            }
            let extra = target.dependencies.subtracting(room.rooms).subtracting(room.modules)
            faults += extra.sorted().map { "\(target.name) depends on \($0)" }
        }
        let declared = Set(targets.map(\.name))
        faults += ImportTable.rooms.filter { !declared.contains($0.name) }
            .map { "\($0.name) is in the import table but not in Package.swift" }
        return faults
    }

    /// The text from the declaration to its closing parenthesis.
    private static func arguments(of source: Substring) -> Substring {
        var depth = 0
        for index in source.indices {
            if source[index] == "(" { depth += 1 }
            if source[index] == ")" { depth -= 1 }
            if depth == 0, source[index] == ")" { return source[...index] }
        }
        return source
    }

    private static func dependencies(in arguments: Substring) -> Set<String> {
        guard let list = arguments.firstMatch(of: #/dependencies:\s*\[([^\]]*)\]/#)
        else { return [] }
        // `.product(name: "Logging", package: "swift-log")` names a module and a package.
        let modules = list.output.1.replacing(#/,\s*package:\s*"[^"]*"/#, with: "")
        return Set(modules.matches(of: #/"([^"]+)"/#).map { String($0.output.1) })
    }
}
