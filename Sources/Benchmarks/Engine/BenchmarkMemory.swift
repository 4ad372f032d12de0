import OptimizerEngine
import SystemIO

/// Zero-filled memory as a session has it, in large pages where there are some. Invariant: `base`
/// is valid for `byteCount` bytes. Who shares it orders the accesses.
final class BenchmarkMemory: ParameterMemory, Sendable {
    private let slab: Slab

    var base: UnsafeMutableRawPointer { slab.base }
    var byteCount: Int { slab.byteCount }

    init(_ byteCount: Int) throws {
        slab = try Slab(byteCount: byteCount)
        // Writes each page once, so that no step is the first to.
        slab.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }
}
