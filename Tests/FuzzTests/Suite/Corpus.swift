import Foundation

/// The committed inputs of one target, which libFuzzer starts from: `Corpus/README.md`.
struct Seed {
    let name: String
    let bytes: [UInt8]

    static func all(of target: FuzzTarget) throws -> [Seed] {
        let folder = Bundle.module.bundleURL.appending(path: "Corpus/\(target.rawValue)")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        return try files.sorted().map { name in
            let bytes = try Data(contentsOf: folder.appending(path: name))
            return Seed(name: name, bytes: Array(bytes))
        }
    }
}
