/// What the published documents and the sources that they describe say, as sets to compare.
enum Documents {
    /// "GET /v1/sessions" and so on, from the `paths` of an OpenAPI document.
    static func operations(inOpenAPI text: String) -> Set<String> {
        var operations: Set<String> = []
        var isInPaths = false
        var path = ""
        for line in text.split(separator: "\n") {
            if line.first?.isLetter == true { isInPaths = line.hasPrefix("paths:") }
            guard isInPaths else { continue }
            if let match = line.wholeMatch(of: #/  (\/[^\s:]*):.*/#) {
                path = String(match.output.1)
            } else if let match = line.wholeMatch(
                of: #/    (get|head|put|post|patch|delete|options|trace):.*/#)
            {
                operations.insert("\(match.output.1.uppercased()) \(path)")
            }
        }
        return operations
    }

    /// The same of the service's `Route`: its `template` and its `allowedMethods`.
    static func operations(inRoute source: String) -> Set<String> {
        var methods: [Substring: [String]] = [:]
        for match in source.matches(of: #/case ((?:\.\w+(?:,\s+)?)+):\s+\[([.\w, ]*)\]/#) {
            let names = match.output.2.matches(of: #/\w+/#).map { $0.output.uppercased() }
            for route in match.output.1.matches(of: #/\w+/#) { methods[route.output] = names }
        }
        var operations: Set<String> = []
        for match in source.matches(of: #/case \.(\w+):\s+"(\/[^"]*)"/#) {
            for method in methods[match.output.1] ?? ["(no method)"] {
                operations.insert("\(method) \(match.output.2)")
            }
        }
        return operations
    }

    /// HEAD goes with every GET (RFC 9110 §9.3.2), so listing it is a matter of taste.
    static func withoutImpliedHead(_ operations: Set<String>) -> Set<String> {
        operations.filter { operation in
            !(operation.hasPrefix("HEAD ")
                && operations.contains("GET " + operation.dropFirst("HEAD ".count)))
        }
    }

    /// The raw values of `ProblemCode`.
    static func codes(inEnumeration source: String) -> Set<String> {
        Set(source.matches(of: #/case \w+ = "([a-z0-9-]+)"/#).map { String($0.output.1) })
    }

    /// The values of the `ProblemCode` schema, written one a line or in brackets.
    static func codes(inOpenAPI text: String) -> Set<String> {
        guard let schema = text.firstMatch(of: #/\n    ProblemCode:\n((?:      .*\n|\n)+)/#),
            let list = schema.output.1.firstMatch(
                of: #/enum:\s*(?:\[([^\]]*)\]|((?:\n\s*- [a-z0-9-]+(?:\s+#.*)?)+))/#)
        else { return [] }
        let values = list.output.1 ?? list.output.2 ?? ""
        return Set(values.matches(of: #/[a-z][a-z0-9]*(?:-[a-z0-9]+)*/#).map { String($0.output) })
    }

    /// The codes in the rows of a Markdown table whose first cell is a status code.
    static func codes(inReadme text: String) -> Set<String> {
        var codes: Set<String> = []
        for line in text.split(separator: "\n")
        where line.firstMatch(of: #/^\|\s*[`*]*[45]\d\d\b/#) != nil {
            codes.formUnion(
                line.matches(of: #/`([a-z][a-z0-9]*(?:-[a-z0-9]+)*)`/#).map { String($0.output.1) })
        }
        return codes
    }

    /// The names at the top that are none of the house's.
    static func strayTopLevelNames(of paths: [String]) -> Set<String> {
        let allowed: Set<Substring> = [
            "Package.swift", "Sources", "Tests", "deploy", "openapi.yaml", "README.md",
        ]
        let names = Set(paths.compactMap { $0.split(separator: "/").first })
        return Set(names.filter { !$0.hasPrefix(".") && !allowed.contains($0) }.map(String.init))
    }
}
