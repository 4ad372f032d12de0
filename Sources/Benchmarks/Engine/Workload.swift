import OptimizerEngine

/// An optimizer of some tensors of about the same length, gradients for them, and the threads that
/// step it.
final class Workload {
    private let optimizer: FlatOptimizer
    private let gradients: BenchmarkMemory
    private let answer: BenchmarkMemory?
    private let wire: ElementType
    private let settings: StepSettings
    private let lanes: Lanes

    init(
        _ variant: Variant, count: Int, options: Options, kernels: Kernels, lanes: Lanes
    ) throws {
        let tensors = options.tensors
        let slots = (0..<tensors).map { index in
            let start = count * index / tensors
            let length = count * (index + 1) / tensors - start
            return ParameterSlot(
                name: "w\(index)", shape: Self.matrix(of: length), offset: start, count: length)
        }
        optimizer = try FlatOptimizer(
            elementType: options.type, slots: slots,
            defaults: variant.hyperparameters, kernels: kernels,
            memory: { try BenchmarkMemory($0) })
        self.lanes = lanes
        wire = options.wire
        settings = StepSettings(maxGradNorm: options.clip)
        gradients = try BenchmarkMemory(count * wire.byteCount)
        answer = options.answers ? try BenchmarkMemory(count * wire.byteCount) : nil
        let values = (0..<count).map { Float($0 % 1000) / 1000 - 0.5 }
        values.withUnsafeBytes {
            guard let base = $0.baseAddress else { return }
            kernels.convert(base, .f32, to: gradients.base, wire, count: count)
            for (index, slot) in slots.enumerated() {
                optimizer.overwriteParameters(
                    slot: index, from: base.advanced(by: slot.offset * 4), type: .f32)
            }
        }
    }

    /// As square as so many elements can be.
    private static func matrix(of count: Int) -> [Int] {
        var rows = max(1, Int(Double(count).squareRoot()))
        while count % rows != 0 { rows -= 1 }
        return [rows, count / rows]
    }

    /// One step; the time of the asked phase.
    func time(_ phase: Options.Phase) throws -> Duration {
        let clock = ContinuousClock()
        let start = clock.now
        let pass = try optimizer.begin(
            Gradients(base: gradients.base, places: .whole(wire)), settings,
            output: answer.map { StepOutput(base: $0.base, type: wire) })
        lanes.run(pass.measureTileCount) { pass.measure(tile: $0) }
        guard pass.judge() == .apply else { throw Refused() }
        let judged = clock.now
        pass.runPhases { lanes.run($0, $1) }
        let applied = clock.now
        pass.commit()
        switch phase {
        case .apply: return applied - judged
        case .step: return clock.now - start
        }
    }

    /// The optimizer turned ordinary gradients down.
    struct Refused: Error {}
}
