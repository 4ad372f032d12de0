import OptimizerEngine

/// An optimizer of some tensors of about the same length, and gradients for them.
final class Workload {
    private let optimizer: FlatOptimizer
    private let gradients: BenchmarkMemory
    private let type: ElementType
    private let settings: StepSettings

    init(
        _ variant: Variant, count: Int, options: Options, kernels: Kernels
    ) throws {
        let type = options.type
        let tensors = options.tensors
        let slots = (0..<tensors).map { index in
            let start = count * index / tensors
            let length = count * (index + 1) / tensors - start
            return ParameterSlot(
                name: "w\(index)", shape: [length], offset: start, count: length)
        }
        optimizer = try FlatOptimizer(
            type: variant.type, elementType: type, slots: slots,
            defaults: variant.hyperparameters, kernels: kernels,
            memory: { BenchmarkMemory($0) })
        self.type = type
        settings = StepSettings(maxGradNorm: options.clip)
        gradients = BenchmarkMemory(count * type.byteCount)
        let values = (0..<count).map { Float($0 % 1000) / 1000 - 0.5 }
        values.withUnsafeBytes {
            guard let base = $0.baseAddress else { return }
            kernels.convert(base, .f32, to: gradients.base, type, count: count)
            for (index, slot) in slots.enumerated() {
                optimizer.overwriteParameters(
                    slot: index, from: base.advanced(by: slot.offset * 4), type: .f32)
            }
        }
    }

    /// One step; the time of the asked phase.
    func time(_ phase: Options.Phase) throws -> Duration {
        let clock = ContinuousClock()
        let start = clock.now
        let pass = try optimizer.begin(
            Gradients(base: gradients.base, places: .whole(type)), settings)
        switch phase {
        case .step:
            guard pass.runInline() == .apply else { throw Refused() }
            return clock.now - start
        case .apply:
            guard pass.judge() == .apply else { throw Refused() }
            let start = clock.now
            for tile in 0..<pass.applyTileCount { pass.apply(tile: tile) }
            let time = clock.now - start
            pass.commit()
            return time
        }
    }

    /// The optimizer turned ordinary gradients down.
    struct Refused: Error {}
}

/// Zero-filled memory on a page boundary. Invariant: `base` is valid for `byteCount` bytes.
final class BenchmarkMemory: ParameterMemory {
    let base: UnsafeMutableRawPointer
    let byteCount: Int

    init(_ byteCount: Int) {
        self.byteCount = byteCount
        base = .allocate(byteCount: byteCount, alignment: 4096)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    deinit { base.deallocate() }
}
