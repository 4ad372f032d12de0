import SystemIO

// What libFuzzer's own `main` calls. `Tests/fuzz` says in FUZZ_TARGET what is to be fuzzed.

private let check: @Sendable ([UInt8]) throws -> Void = {
    let name = ProcessEnvironment.value(of: "FUZZ_TARGET") ?? ""
    if let target = FuzzTarget(rawValue: name) { return { try target.check($0) } }
    if let canary = Canary(rawValue: name) { return { try canary.check($0) } }
    let known = FuzzTarget.allCases.map(\.rawValue) + Canary.allCases.map(\.rawValue)
    fatalError("FUZZ_TARGET must be one of \(known.joined(separator: ", "))")
}()

/// Looks the name up before the first input, because a wrong one is no finding.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<Int32>?, _ arguments: UnsafeMutableRawPointer?
) -> Int32 {
    _ = check
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    do {
        try check(Array(UnsafeBufferPointer(start: bytes, count: count)))
    } catch {
        fatalError("\(error)")
    }
    return 0
}
