/// The sessions that a token opens, by how their names begin.
package struct NamePrefixes: Equatable, Sendable {
    /// In byte order, and none begins with another. Every name begins with the empty text.
    private let prefixes: [String]

    package static let all = NamePrefixes([""])
    package static let none = NamePrefixes([])

    package init(_ given: [String]) {
        var kept: [String] = []
        // Sorted, whatever begins with a prefix follows it at once.
        for prefix in given.sorted() {
            if let last = kept.last, Self.begins(prefix, with: last) { continue }
            kept.append(prefix)
        }
        prefixes = kept
    }

    package var isAll: Bool { prefixes == [""] }

    package func contains(_ name: String) -> Bool {
        prefixes.contains { Self.begins(name, with: $0) }
    }

    /// Prefixes of exactly those names that are opened here and begin with `prefix`, in byte
    /// order and none beginning with another.
    package func narrowed(to prefix: String) -> [String] {
        contains(prefix) ? [prefix] : prefixes.filter { Self.begins($0, with: prefix) }
    }

    /// By bytes: `String.hasPrefix` compares characters, which may hold several of a name's.
    private static func begins(_ name: String, with prefix: String) -> Bool {
        name.utf8.starts(with: prefix.utf8)
    }
}
