import CRoofline
import OptimizerEngine

/// The bytes of a step without its arithmetic: every vector that the step reads is read, every
/// one that it writes is written, with one addition for each, in the same tiles on the same
/// threads.
final class Roofline: Sendable {
    private let memory: [BenchmarkMemory]
    private let layout: Layout
    private let lanes: Lanes

    /// Invariant: the vectors that `pointers` names are in `memory` and long enough for `chunks`.
    private struct Layout: @unchecked Sendable {
        let pointers: roofline_memory
        let chunks: Int
    }

    /// As many elements as a tile of the step.
    private let tileChunks: Int

    init(_ options: Options, _ variant: Variant, count: Int, lanes: Lanes) throws {
        let width = options.type.working.byteCount
        let chunks = count * width / Int(ROOFLINE_CHUNK)
        let elements = Int(ROOFLINE_CHUNK) / width
        tileChunks = StepPass.tileElements / elements
        let wireBytes = elements * options.wire.byteCount
        let state = try (0..<(variant == .amsgrad ? 4 : 3)).map { _ in
            try BenchmarkMemory(chunks * Int(ROOFLINE_CHUNK))
        }
        let grad = try BenchmarkMemory(chunks * wireBytes)
        let out = options.answers ? try BenchmarkMemory(chunks * wireBytes) : nil
        memory = state + [grad] + (out.map { [$0] } ?? [])
        layout = Layout(
            pointers: roofline_memory(
                grad: grad.base, grad_chunk: wireBytes,
                state: (
                    state[0].base, state[1].base, state[2].base,
                    state.count > 3 ? state[3].base : nil
                ),
                out: out?.base),
            chunks: chunks)
        self.lanes = lanes
    }

    func time() -> Duration {
        let clock = ContinuousClock()
        let start = clock.now
        let tiles = (layout.chunks + tileChunks - 1) / tileChunks
        lanes.run(tiles) { [self] tile in
            let first = tile * tileChunks
            let count = min(tileChunks, layout.chunks - first)
            withUnsafePointer(to: layout.pointers) { roofline_pass($0, first, count) }
        }
        return clock.now - start
    }
}
