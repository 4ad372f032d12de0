/// The rooms of the house and what each may know. This is the table; the tests hold Package.swift
/// and every `import` line to it.
struct Room: Sendable {
    let name: String
    /// The directory its sources live in.
    let path: String
    /// Targets of this package.
    let rooms: Set<String>
    /// Modules of the toolchain and of other packages.
    let modules: Set<String>

    init(_ name: String, path: String? = nil, rooms: Set<String> = [], modules: Set<String> = []) {
        self.name = name
        self.path = path ?? "Sources/\(name)"
        self.rooms = rooms
        self.modules = modules
    }
}

enum ImportTable {
    /// Locks and atomics know nobody, so any floor may use them.
    static let everywhere: Set<String> = ["Synchronization"]

    static let allRooms: Set<String> = [
        "HTTP1", "HTTPServer", "OptimizerEngine", "OptimizerService", "OptimizerSessions",
        "SystemIO", "TensorFormats",
    ]

    static let rooms: [Room] = [
        Room("COptimizerKernels"),
        Room("CLinux"),
        Room("COpenAPI"),
        Room("COpenSSL"),
        Room("CZlib"),
        Room("OptimizerEngine", rooms: ["COptimizerKernels"]),
        Room("TensorFormats"),
        Room("HTTP1"),
        Room("SystemIO", rooms: ["CLinux"], modules: ["Glibc"]),
        Room(
            "HTTPServer", rooms: ["COpenSSL", "CZlib", "HTTP1", "SystemIO"],
            modules: ["Dispatch"]),
        Room(
            "OptimizerSessions", rooms: ["OptimizerEngine", "TensorFormats", "SystemIO"],
            modules: ["Dispatch"]),
        Room(
            "OptimizerService",
            rooms: allRooms.subtracting(["OptimizerService"]).union(["COpenAPI"]),
            modules: ["Dispatch"]),
        Room(
            "optimizerd", rooms: allRooms,
            modules: ["ArgumentParser", "Logging", "Dispatch", "Foundation"]),
        Room(
            "engine-benchmark", path: "Sources/Benchmarks/Engine",
            rooms: allRooms.union(["COptimizerKernels", "CRoofline"]),
            modules: ["Dispatch", "Foundation", "Glibc"]),
        Room("CRoofline", path: "Sources/Benchmarks/Roofline"),
        Room(
            "load-benchmark", path: "Sources/Benchmarks/Load", rooms: allRooms,
            modules: ["Dispatch", "Foundation", "Glibc"]),
        Room(
            "floor-server", path: "Sources/Benchmarks/FloorServer",
            rooms: ["COptimizerKernels"]),
        Room("SeededChance", path: "Tests/SeededChance"),
        // The test target of the same directory, as a program for libFuzzer.
        Room(
            "fuzz", path: "Tests/FuzzTests",
            rooms: [
                "HTTP1", "OptimizerEngine", "OptimizerSessions", "SeededChance", "SystemIO",
                "TensorFormats",
            ]),
    ]

    /// Packages of their own, with which the benchmarks compare: Package.swift does not know them,
    /// and they know no room.
    static let peers: [Room] = [
        Room(
            "hummingbird-peer", path: "Sources/Benchmarks/Peers/hummingbird-peer",
            modules: ["Foundation", "Hummingbird", "PackageDescription"])
    ]

    /// What a test may import besides the rooms that its line in Package.swift lists.
    static let testModules: Set<String> = [
        "Testing", "Foundation", "FoundationNetworking", "Dispatch", "Glibc",
    ]

    static func room(holding path: String) -> Room? {
        (rooms + peers).first { path.hasPrefix($0.path + "/") }
    }

    /// The modules a Swift source imports, in the order of its lines.
    static func imports(inSwift source: String) -> [String] {
        let line = #/
            ^\h*(?:@\w+(?:\([^)]*\))?\h+)*
            (?:(?:public|package|internal|fileprivate|private)\h+)?
            import\h+(?:(?:struct|class|enum|protocol|func|let|var|typealias)\h+)?
            (\w+)
            /#
        let lines = CodeText.blanked(source).split(separator: "\n")
        return lines.filter { $0.contains("import ") }.compactMap { text in
            text.prefixMatch(of: line).map { String($0.output.1) }
        }
    }

    /// The rooms whose headers a C source includes.
    static func imports(inC source: String, rooms: Set<String>) -> [String] {
        let line = #/^\h*#\h*include\h+["<](?:.*\/)?(\w+)\.h[">]/#.anchorsMatchLineEndings()
        return source.matches(of: line).map { String($0.output.1) }.filter(rooms.contains)
    }

    /// One sentence for every import of `file` that its room's line does not list.
    static func faults(in file: TextFile) -> [String] {
        guard let room = room(holding: file.path) else {
            return ["\(file.path) lies in no room of the table"]
        }
        let allowed = room.rooms.union(room.modules).union(everywhere)
        let known = Set(rooms.map(\.name)).subtracting([room.name])
        let found = file.isC ? imports(inC: file.text, rooms: known) : imports(inSwift: file.text)
        return found.filter { !allowed.contains($0) }.map { "\(file.path) imports \($0)" }
    }
}
