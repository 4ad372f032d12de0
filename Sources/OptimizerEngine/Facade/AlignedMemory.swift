/// Zero-filled memory on a 64-byte boundary, for optimizers that are used as a library.
///
/// Invariant: `base` is valid for `byteCount` bytes until deinit.
final class AlignedMemory: ParameterMemory {
    let base: UnsafeMutableRawPointer
    let byteCount: Int

    init(_ byteCount: Int) {
        self.byteCount = byteCount
        base = .allocate(byteCount: byteCount, alignment: 64)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    deinit { base.deallocate() }
}
