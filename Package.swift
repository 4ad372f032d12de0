// swift-tools-version: 6.1
// The rooms of optimizerd. A target depends only on what its line lists; TidyTests holds the
// `import` lines of every file to the same table.

import PackageDescription

// Tests/FuzzTests says what must hold for any bytes that the readers are given. As part of the
// suite it checks committed inputs; where OPTIMIZERD_FUZZ is set, by Tests/fuzz, the same sources
// are a program for which libFuzzer makes inputs up.
let fuzzing: Target =
    Context.environment["OPTIMIZERD_FUZZ"] == nil
    ? .testTarget(
        name: "FuzzTests",
        dependencies: [
            "HTTP1", "OptimizerEngine", "OptimizerSessions", "SeededChance", "SystemIO",
            "TensorFormats",
        ],
        exclude: ["LibFuzzer"], resources: [.copy("Corpus")])
    : .executableTarget(
        name: "fuzz",
        dependencies: [
            "HTTP1", "OptimizerEngine", "OptimizerSessions", "SeededChance", "SystemIO",
            "TensorFormats",
        ],
        path: "Tests/FuzzTests", exclude: ["Corpus", "Suite"])

let package = Package(
    name: "optimizerd",
    products: [
        .library(name: "OptimizerEngine", targets: ["OptimizerEngine"]),
        .executable(name: "optimizerd", targets: ["optimizerd"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        // Floor 0: C. A system library's module map says what is linked. pkg-config is not asked:
        // where it is not installed, SwiftPM warns that the library is missing, though it is not.
        .target(name: "COptimizerKernels", linkerSettings: [.linkedLibrary("m")]),
        .target(name: "CLinux"),
        .target(name: "COpenAPI"),
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),

        // Floor 1: pure cores, and the one caller of libc.
        .target(name: "OptimizerEngine", dependencies: ["COptimizerKernels"]),
        .target(name: "TensorFormats"),
        .target(name: "HTTP1"),
        .target(name: "SystemIO", dependencies: ["CLinux"]),

        // Floor 2: a server that knows no optimizer, sessions that know no HTTP.
        .target(name: "HTTPServer", dependencies: ["COpenSSL", "CZlib", "HTTP1", "SystemIO"]),
        .target(
            name: "OptimizerSessions",
            dependencies: ["OptimizerEngine", "TensorFormats", "SystemIO"]),

        // Floor 3: where the two meet.
        .target(
            name: "OptimizerService",
            dependencies: [
                "COpenAPI", "HTTP1", "HTTPServer", "OptimizerEngine", "OptimizerSessions",
                "SystemIO", "TensorFormats",
            ]),

        // Floor 4: programs.
        .executableTarget(
            name: "optimizerd",
            dependencies: [
                "HTTP1", "HTTPServer", "OptimizerEngine", "OptimizerService", "OptimizerSessions",
                "SystemIO", "TensorFormats",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "engine-benchmark",
            dependencies: ["CRoofline", "OptimizerEngine", "COptimizerKernels", "SystemIO"],
            path: "Sources/Benchmarks/Engine",
            exclude: ["compare_torch.py"]),
        .target(name: "CRoofline", path: "Sources/Benchmarks/Roofline"),
        .executableTarget(
            name: "load-benchmark",
            dependencies: ["SystemIO"],
            path: "Sources/Benchmarks/Load"),
        .executableTarget(
            name: "floor-server",
            dependencies: ["COptimizerKernels"],
            path: "Sources/Benchmarks/FloorServer",
            linkerSettings: [.linkedLibrary("m")]),

        // Tests.
        .target(name: "SeededChance", path: "Tests/SeededChance"),
        .testTarget(
            name: "OptimizerEngineTests",
            dependencies: ["OptimizerEngine", "COptimizerKernels", "SeededChance"],
            resources: [.copy("Golden")]),
        .testTarget(
            name: "TensorFormatsTests", dependencies: ["TensorFormats", "SeededChance"],
            resources: [.copy("Attacks")]),
        .testTarget(
            name: "HTTP1Tests", dependencies: ["HTTP1", "SeededChance"],
            resources: [.copy("Corpus")]),
        .testTarget(name: "SystemIOTests", dependencies: ["SystemIO"]),
        .testTarget(
            name: "HTTPServerTests",
            dependencies: ["HTTPServer", "HTTP1", "SystemIO", "SeededChance"]),
        .testTarget(
            name: "OptimizerSessionsTests",
            dependencies: [
                "OptimizerSessions", "OptimizerEngine", "TensorFormats", "SystemIO",
                "SeededChance",
            ]),
        .testTarget(
            name: "OptimizerServiceTests",
            dependencies: [
                "OptimizerService", "OptimizerSessions", "OptimizerEngine", "TensorFormats",
                "HTTPServer", "HTTP1", "SystemIO",
            ]),
        .testTarget(name: "TidyTests"),
        fuzzing,
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu2x
)
