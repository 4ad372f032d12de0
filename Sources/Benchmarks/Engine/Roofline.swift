/// The bytes of a step without its arithmetic: every vector that the step reads is read, every
/// one that it writes is written, with one addition for each.
///
/// Invariant: all vectors have the same length, a multiple of 64 bytes.
struct Roofline {
    private let gradient: BenchmarkMemory
    private let updated: [BenchmarkMemory]
    private let chunks: Int

    /// - Parameter vectors: how many vectors the step updates: three, or four with amsgrad.
    init(byteCount: Int, vectors: Int) {
        chunks = byteCount / 64
        gradient = BenchmarkMemory(chunks * 64)
        updated = (0..<vectors).map { [chunks] _ in BenchmarkMemory(chunks * 64) }
    }

    func time() -> Duration {
        let clock = ContinuousClock()
        let start = clock.now
        let read = gradient.base.assumingMemoryBound(to: SIMD16<Float>.self)
        let a = updated[0].base.assumingMemoryBound(to: SIMD16<Float>.self)
        let b = updated[1].base.assumingMemoryBound(to: SIMD16<Float>.self)
        let c = updated[2].base.assumingMemoryBound(to: SIMD16<Float>.self)
        if updated.count == 4 {
            let d = updated[3].base.assumingMemoryBound(to: SIMD16<Float>.self)
            for i in 0..<chunks {
                let g = read[i]
                a[i] += g
                b[i] += g
                c[i] += g
                d[i] += g
            }
        } else {
            for i in 0..<chunks {
                let g = read[i]
                a[i] += g
                b[i] += g
                c[i] += g
            }
        }
        return clock.now - start
    }
}
