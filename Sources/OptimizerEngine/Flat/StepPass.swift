import COptimizerKernels

/// One step under way: measure every tile, judge, run every tile of every phase, commit.
///
/// Tiles of one phase may run in any order on any threads, each exactly once; the result's bits do
/// not depend on it. A phase starts after the one before it has ended, and the caller makes its
/// writes visible (by a lock, a queue or an atomic counter). Until `commit` a pass that has not
/// run a phase's tile can be dropped without trace.
package final class StepPass: @unchecked Sendable {
    /// Elements of one tile of a phase: about 50 µs of work.
    package static let tileElements = 65_536
    /// Norm blocks of one measure tile: at most 262 144 elements.
    static let tileBlocks = 64

    /// Norm of all gradients present, after `gradScale` and before clipping. Known once judged.
    package private(set) var gradNorm = 0.0
    /// `min(1, maxGradNorm / (gradNorm + 1e-6))`; 1 without clipping. Known once judged.
    package private(set) var clipCoef = 1.0
    /// What holds for each group in this step.
    package let hyperparameters: [Hyperparameters]
    /// What bounded every element; nil: nothing.
    package var clipValue: Double? { settings.clipValue }
    package var groups: [GroupTable.Group] { optimizer.groups }
    /// The learning rate of each group in this step.
    package var lr: [Double] { hyperparameters.map(\.lr) }

    let optimizer: FlatOptimizer
    let gradients: Gradients
    let settings: StepSettings
    let output: StepOutput?
    /// In the working precision; 1 without one.
    package let gradScale: Double
    /// Invariant: one element for each norm block of the layout; block b is written by the measure
    /// tile b / tileBlocks alone. Blocks of absent gradients stay zero.
    let blockSums: UnsafeMutableBufferPointer<Double>
    private(set) var plan: StepPlan
    var muon: MuonStep
    /// Of each norm block of Muon's matrices, the squares of what is orthogonalized. Written and
    /// used as `blockSums` is; nil without matrices.
    let matrixSums: UnsafeMutableBufferPointer<Double>?
    /// Of each norm block of LAMB's tensors, the squares of parameters and directions. Written and
    /// used as `blockSums` is; nil where no rule is LAMB.
    let trustSums: UnsafeMutableBufferPointer<(Double, Double)>?
    /// Of each of LAMB's tensors, in the plan's order. Known after the phase `directions`.
    var trustRatios: [Double] = []

    init(
        _ optimizer: FlatOptimizer, _ gradients: Gradients, _ settings: StepSettings,
        hyperparameters: [Hyperparameters], gradScale: Double, output: StepOutput?
    ) {
        self.optimizer = optimizer
        self.gradients = gradients
        self.settings = settings
        self.output = output
        self.gradScale = gradScale
        self.hyperparameters = hyperparameters
        plan = StepPlan(
            optimizer, gradients, settings, hyperparameters: hyperparameters, gradScale: gradScale)
        blockSums = .allocate(capacity: optimizer.blockStarts[optimizer.slots.count])
        blockSums.initialize(repeating: 0)
        trustSums = plan.lamb.isEmpty ? nil : .allocate(capacity: blockSums.count)
        trustSums?.initialize(repeating: (0, 0))
        muon = MuonStep(plan, optimizer, hyperparameters)
        matrixSums = muon.batches.isEmpty ? nil : .allocate(capacity: blockSums.count)
        matrixSums?.initialize(repeating: 0)
    }

    deinit {
        blockSums.deallocate()
        trustSums?.deallocate()
        matrixSums?.deallocate()
    }

    /// Kernel calls of a step that fits one tile.
    package var segmentCount: Int { plan.segments.count }

    static func tileCount(elements: Int) -> Int {
        elements / tileElements + (elements % tileElements == 0 ? 0 : 1)
    }

    static func elements(ofTile tile: Int, of count: Int) -> Range<Int> {
        let start = tile * tileElements
        return start..<min(start + tileElements, count)
    }

    /// What the step does, from the measured sums. Call after every measure tile.
    package func judge() -> Verdict {
        let total = blockSums.reduce(0, settings.normType.joined)
        gradNorm = settings.normType.root(total)
        if let maximum = settings.maxGradNorm {
            let ratio = maximum / (gradNorm + 1e-6)
            // A NaN stays one, as in torch.clamp.
            clipCoef = ratio >= 1 ? 1 : ratio
        }
        plan.clip(by: optimizer.working.narrowed(clipCoef))
        guard !total.isFinite, settings.nonfinite != .propagate else { return .apply }
        let culprits = nonfiniteSlots()
        // None: finite F64 gradients whose squares overflow. Their norm is infinite, as torch's.
        if culprits.isEmpty { return .apply }
        return settings.nonfinite == .skip ? .skip : .reject(nonfiniteSlots: culprits)
    }

    /// Takes the clip coefficient of an earlier run of this step in place of measuring.
    func adopt(clipCoef: Double) {
        self.clipCoef = clipCoef
        plan.clip(by: optimizer.working.narrowed(clipCoef))
    }

    /// Steps the elements of one tile whose rule looks at nothing else, and writes them to the
    /// output.
    func stepElements(tile: Int) {
        let elements = Self.elements(ofTile: tile, of: optimizer.elementCount)
        var index = plan.segment(at: elements.lowerBound)
        while index < plan.segments.count, plan.segments[index].start < elements.upperBound {
            let segment = plan.segments[index]
            let part = (segment.start..<segment.end).clamped(to: elements)
            if segment.isOfWholeTensor {
                // A later phase steps and writes it.
            } else if let source = segment.source {
                let distance = (part.lowerBound - segment.start) * source.type.byteCount
                step(part, source, gradient: source.gradient.advanced(by: distance))
            } else if let output {
                optimizer.copyParameters(part, to: output)
            }
            index += 1
        }
    }

    private func step(
        _ part: Range<Int>, _ source: StepPlan.Source, gradient: UnsafeRawPointer
    ) {
        let memory = memory(
            at: part.lowerBound, gradient: gradient, source.type, source.scalars)
        plan.withScalars(source.scalars) {
            optimizer.kernels.step(optimizer.working, $0, memory, count: part.count)
        }
    }

    /// What a kernel reads and writes from one element on.
    func memory(
        at element: Int, gradient: UnsafeRawPointer, _ type: ElementType, _ scalars: Int
    ) -> opt_memory {
        let offset = element * optimizer.working.byteCount
        let moments = optimizer.moments
        let keeps = plan.keeps[scalars]
        return opt_memory(
            grad: gradient, grad_type: type.code,
            param: optimizer.parameters.base.advanced(by: offset),
            moment: (
                keeps.0 ? moments.0?.base.advanced(by: offset) : nil,
                keeps.1 ? moments.1?.base.advanced(by: offset) : nil,
                keeps.2 ? moments.2?.base.advanced(by: offset) : nil
            ),
            out: output.map { $0.base.advanced(by: element * $0.type.byteCount) },
            out_type: (output?.type ?? optimizer.working).code)
    }

    /// Counts the step for every parameter that had a gradient. Call after the last phase.
    package func commit() {
        optimizer.count(hyperparameters, where: hasGradient)
    }

    /// The whole step on this thread.
    package func runInline() -> Verdict {
        for tile in 0..<measureTileCount { measure(tile: tile) }
        let verdict = judge()
        guard verdict == .apply else { return verdict }
        runPhases { count, tile in
            for number in 0..<count { tile(number) }
        }
        commit()
        return verdict
    }

    private func hasGradient(_ slot: Int) -> Bool {
        switch gradients.places {
        case .whole: true
        case .each(let places): places[slot] != nil
        }
    }
}
