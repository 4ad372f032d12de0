import Testing

@Suite("The import table holds")
struct ImportTests {
    @Test func everySourceImportsOnlyWhatItsRoomLists() throws {
        let sources = try Repository.files { path in
            path.hasPrefix("Sources/")
                && [".swift", ".c", ".h"].contains { path.hasSuffix($0) }
        }
        #expect(sources.count > 20)
        #expect(sources.flatMap(ImportTable.faults) == [])
    }

    @Test func packageManifestDependsOnlyOnWhatTheTableLists() throws {
        let manifest = PackageManifest(try Repository.text(of: "Package.swift"))
        #expect(manifest.targets.count > 15)
        #expect(manifest.faults() == [])
    }

    /// A room that is declared but never imported is a line in the table that says too much.
    @Test func libraryTargetsImportAllTheyDeclare() throws {
        let manifest = PackageManifest(try Repository.text(of: "Package.swift"))
        for target in manifest.targets where target.kind == "target" {
            let room = try #require(ImportTable.rooms.first { $0.name == target.name })
            let sources = try Repository.files { $0.hasPrefix(room.path + "/") }
            let imported = Set(sources.flatMap { ImportTable.imports(inSwift: $0.text) })
            #expect(target.dependencies.subtracting(imported) == [], "\(target.name)")
        }
    }

    @Test func testsImportOnlyWhatTheirTargetDeclares() throws {
        let manifest = PackageManifest(try Repository.text(of: "Package.swift"))
        for target in manifest.targets where target.kind == "testTarget" {
            let allowed = target.dependencies.union(ImportTable.testModules)
                .union(ImportTable.everywhere)
            let sources = try Repository.files {
                $0.hasPrefix("Tests/\(target.name)/") && $0.hasSuffix(".swift")
            }
            #expect(!sources.isEmpty, "\(target.name) has no tests")
            for source in sources {
                let imported = Set(ImportTable.imports(inSwift: source.text))
                #expect(imported.subtracting(allowed) == [], "\(source.path)")
            }
        }
    }
}

@Suite("The import checks can fail")
struct ImportCanaries {
    @Test(arguments: [
        ("Sources/HTTP1/A.swift", "import SystemIO\n", "SystemIO"),
        ("Sources/HTTPServer/A.swift", "import OptimizerEngine\n", "OptimizerEngine"),
        ("Sources/OptimizerSessions/A.swift", "import HTTP1\n", "HTTP1"),
        ("Sources/OptimizerEngine/A.swift", "import Foundation\n", "Foundation"),
        ("Sources/TensorFormats/A.swift", "import Glibc\n", "Glibc"),
        ("Sources/HTTP1/A.swift", "import Dispatch\n", "Dispatch"),
        ("Sources/OptimizerService/A.swift", "import Logging\n", "Logging"),
        ("Sources/OptimizerService/A.swift", "import COpenSSL\n", "COpenSSL"),
        ("Sources/SystemIO/A.swift", "@preconcurrency import Dispatch\n", "Dispatch"),
        ("Sources/HTTP1/A.swift", "package import struct SystemIO.Slab\n", "SystemIO"),
        ("Sources/Benchmarks/Peers/hummingbird-peer/A.swift", "import HTTP1\n", "HTTP1"),
        ("Sources/COptimizerKernels/a.c", "#include \"CLinux.h\"\n", "CLinux"),
    ])
    func importOutsideTheTableIsFound(path: String, text: String, module: String) {
        let faults = ImportTable.faults(in: TextFile(path: path, text: text))
        #expect(faults == ["\(path) imports \(module)"])
    }

    @Test func sourceOutsideEveryRoomIsFound() {
        let stray = TextFile(path: "Sources/Shed/A.swift", text: "")
        #expect(ImportTable.faults(in: stray).count == 1)
    }

    @Test func importsInCommentsAndStringsAreNotImports() {
        let text = """
            // import Glibc
            /* import Glibc
            import Glibc */
            let text = \"""
            import Glibc
            \"""
            import Synchronization
            """
        #expect(ImportTable.imports(inSwift: text) == ["Synchronization"])
    }

    @Test func dependencyOutsideTheTableIsFound() {
        let faults = PackageManifest(
            """
            .target(name: "HTTP1", dependencies: ["SystemIO"]),
            .target(
                name: "Shed", dependencies: [.product(name: "Logging", package: "swift-log")]),
            """
        ).faults()
        #expect(faults.contains("HTTP1 depends on SystemIO"))
        #expect(faults.contains("Shed is not in the import table"))
        #expect(faults.contains("HTTPServer is in the import table but not in Package.swift"))
    }

    @Test func productsAreReadAsModules() {
        let text = #".target(name: "d", dependencies: ["A", .product(name: "B", package: "c")])"#
        let expected = PackageManifest.Target(
            kind: "target", name: "d", dependencies: ["A", "B"])
        #expect(PackageManifest(text).targets == [expected])
    }
}
