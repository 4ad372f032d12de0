// swift-tools-version: 6.0
// A peer to measure the service against, not a part of it: the service's package resolves nothing
// for it, and nothing here is built unless `Sources/Benchmarks/run --make-peers` asks for it.

import PackageDescription

let package = Package(
    name: "hummingbird-peer",
    platforms: [.macOS(.v14)],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1")
    ],
    targets: [
        .executableTarget(
            name: "hummingbird-peer",
            dependencies: [.product(name: "Hummingbird", package: "hummingbird")])
    ],
    swiftLanguageModes: [.v6]
)
