import Foundation

/// One text file of the repository, read once.
struct TextFile: Sendable {
    /// Relative to the repository's top, with "/" between components.
    let path: String
    let text: String

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var isSwift: Bool { path.hasSuffix(".swift") }
    var isC: Bool { path.hasSuffix(".c") || path.hasSuffix(".h") }
}

/// The tree these tests were compiled from.
enum Repository {
    static let top = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// What git tracks, or what lies in the tree where there is no git (an unpacked archive).
    static let paths: [String] = (trackedPaths() ?? listedPaths()).sorted()

    static func files(where isWanted: (String) -> Bool) throws -> [TextFile] {
        try paths.filter(isWanted).map { path in
            TextFile(path: path, text: try text(of: path))
        }
    }

    static func text(of path: String) throws -> String {
        try String(contentsOf: top.appending(path: path), encoding: .utf8)
    }

    private static func trackedPaths() -> [String]? {
        let git = Process()
        let output = Pipe()
        git.executableURL = URL(filePath: "/usr/bin/env")
        git.arguments = ["git", "-C", top.path(percentEncoded: false), "ls-files", "-z", "-co",
                         "--exclude-standard"]
        git.standardOutput = output
        git.standardError = FileHandle.nullDevice
        guard (try? git.run()) != nil else { return nil }  // No git here: the caller lists files.
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        git.waitUntilExit()
        guard git.terminationStatus == 0 else { return nil }
        let names = String(decoding: bytes, as: UTF8.self).split(separator: "\0").map(String.init)
        // A file that was deleted but not yet committed is still in the index.
        return names.filter { name in
            FileManager.default.fileExists(atPath: top.appending(path: name).path)
        }
    }

    private static func listedPaths() -> [String] {
        let unpacked = FileManager.default.enumerator(atPath: top.path(percentEncoded: false))
        let names = (unpacked?.compactMap { $0 as? String }) ?? []
        return names.filter { name in
            let isBuilt = name.split(separator: "/").contains { part in
                part.hasPrefix(".build") || part == ".git" || part == "__pycache__"
                    || part == "Package.resolved"
            }
            guard !isBuilt else { return false }
            var isDirectory: ObjCBool = false
            let path = top.appending(path: name).path
            return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
                && !isDirectory.boolValue
        }
    }
}
