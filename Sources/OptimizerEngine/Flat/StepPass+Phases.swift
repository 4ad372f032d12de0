// What follows the judgement: phases, one after the other, and tiles of one phase at a time.
//
// Most rules look at each element alone and are done with the first. LAMB moves a tensor by a rate
// that depends on the norms of all of it: its moments are stepped and the norms measured first, in
// the blocks of the gradient's norm, and so with the same bits however the work is divided. Muon's
// matrices come last, in stages of their own (StepPass+Muon.swift).

extension StepPass {
    package enum Phase: Sendable {
        /// Every element whose rule looks at nothing else.
        case elements
        /// LAMB's moments, and the norms of what they lead to.
        case directions
        /// LAMB's parameters.
        case trust
        /// One stage of one batch of Muon's matrices.
        case matrices(MatrixPhase)
    }

    package struct MatrixPhase: Sendable {
        let batch: Int
        let stage: MuonStep.Stage
    }

    package static let firstPhase = Phase.elements

    package func isLast(_ phase: Phase) -> Bool {
        switch phase {
        case .elements: plan.lamb.isEmpty && muon.batches.isEmpty
        case .directions: false
        case .trust: muon.batches.isEmpty
        case .matrices(let phase):
            phase.stage == .apply && phase.batch == muon.batches.count - 1
        }
    }

    /// The phase after one whose tiles have all run; nil at the end. On one thread: what the next
    /// phase takes from all tiles of this one is worked out here.
    package func next(after phase: Phase) -> Phase? {
        guard !isLast(phase) else { return nil }
        switch phase {
        case .elements where !plan.lamb.isEmpty:
            return .directions
        case .directions:
            trustRatios = plan.lamb.map { trustRatio(ofSlot: $0.slot) }
            return .trust
        case .elements, .trust:
            return .matrices(MatrixPhase(batch: 0, stage: .momentum))
        case .matrices(let phase):
            if phase.stage == .momentum { measureMatrices(ofBatch: phase.batch) }
            guard let stage = muon.batches[phase.batch].stage(after: phase.stage) else {
                return .matrices(MatrixPhase(batch: phase.batch + 1, stage: .momentum))
            }
            return .matrices(MatrixPhase(batch: phase.batch, stage: stage))
        }
    }

    package func tileCount(of phase: Phase) -> Int {
        switch phase {
        case .elements, .trust: Self.tileCount(elements: optimizer.elementCount)
        case .directions: measureTileCount
        case .matrices(let phase): muon.batches[phase.batch].tileCount(of: phase.stage)
        }
    }

    /// Runs all phases, where whoever runs the tiles of one waits for them.
    package func runPhases(
        _ runTiles: (_ count: Int, _ tile: @escaping @Sendable (Int) -> Void) -> Void
    ) {
        var phase: Phase? = Self.firstPhase
        while let current = phase {
            runTiles(tileCount(of: current)) { self.run(current, tile: $0) }
            phase = next(after: current)
        }
    }

    /// Runs one tile. Cannot fail.
    package func run(_ phase: Phase, tile: Int) {
        switch phase {
        case .elements: stepElements(tile: tile)
        case .directions: stepDirections(tile: tile)
        case .trust: stepAlongDirections(tile: tile)
        case .matrices(let phase): runMuon(batch: phase.batch, phase.stage, tile: tile)
        }
    }

    /// Sums the squares of parameters and directions of one tile's blocks.
    private func stepDirections(tile: Int) {
        let kernels = optimizer.kernels
        let working = optimizer.working
        withUnsafeTemporaryAllocation(
            byteCount: Kernels.normBlock * working.byteCount, alignment: 64
        ) { direction in
            guard let address = direction.baseAddress else { return }
            for (block, slot) in blocks(ofTile: tile) {
                guard let member = plan.lambMember(ofSlot: slot),
                    let (gradient, type, count) = gradient(ofBlock: block, slot: slot)
                else { continue }
                let first = optimizer.offsets[slot]
                    + (block - optimizer.blockStarts[slot]) * Kernels.normBlock
                let memory = memory(at: first, gradient: gradient, type, member.scalars)
                plan.withScalars(member.scalars) {
                    kernels.lambMoments(working, $0, memory, direction: address, count: count)
                }
                func squares(_ x: UnsafeRawPointer) -> Double {
                    kernels.sumOfSquares(x, working, count: count)
                }
                trustSums?[block] = (squares(memory.param), squares(address))
            }
        }
    }

    /// ‖p‖ / ‖direction‖, and 1 where one of them is zero (You and others 2020).
    private func trustRatio(ofSlot slot: Int) -> Double {
        var sums = (parameters: 0.0, direction: 0.0)
        for block in optimizer.blockStarts[slot]..<optimizer.blockStarts[slot + 1] {
            guard let squares = trustSums?[block] else { continue }
            sums.parameters += squares.0
            sums.direction += squares.1
        }
        let norms = (sums.parameters.squareRoot(), sums.direction.squareRoot())
        return norms.0 > 0 && norms.1 > 0 ? norms.0 / norms.1 : 1
    }

    /// Moves the parameters of one tile, and writes them to the output.
    private func stepAlongDirections(tile: Int) {
        let elements = Self.elements(ofTile: tile, of: optimizer.elementCount)
        let first = plan.lamb.partitionPoint {
            optimizer.offsets[$0.slot + 1] > elements.lowerBound
        }
        for index in first..<plan.lamb.count {
            let member = plan.lamb[index]
            guard optimizer.offsets[member.slot] < elements.upperBound else { return }
            let part = (optimizer.offsets[member.slot]..<optimizer.offsets[member.slot + 1])
                .clamped(to: elements)
            stepAlongDirection(of: member, part, ratio: trustRatios[index])
            if let output { optimizer.copyParameters(part, to: output) }
        }
    }

    private func stepAlongDirection(
        of member: StepPlan.WholeTensor, _ part: Range<Int>, ratio: Double
    ) {
        let lr = hyperparameters[optimizer.table.groupOfSlot[member.slot]].lr
        // There is no gradient in this phase; any address does.
        let memory = memory(
            at: part.lowerBound, gradient: UnsafeRawPointer(optimizer.parametersAddress),
            optimizer.working, member.scalars)
        plan.withScalars(member.scalars) {
            optimizer.kernels.lambApply(
                optimizer.working, $0, memory,
                stepSize: optimizer.working.narrowed(lr * ratio), count: part.count)
        }
    }
}
