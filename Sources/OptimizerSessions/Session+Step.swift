import OptimizerEngine
import SystemIO

extension Session {
    /// Takes one optimizer step, wholly or not at all.
    ///
    /// The answer's vector is written over the gradients where every gradient lies at the place
    /// and has the width of its answer and nobody shares the slab; so a step holds one slab and
    /// not two. Otherwise the answer's slab is taken before anything changes.
    package func step(
        _ request: StepRequest, completion: @escaping SessionCompletion<StepOutcome>
    ) {
        takeTurn(completion) { [self] state, turn in
            // A layout of many tensors is work before its first element is looked at.
            context.run(weight: layout.tableWeight) { [self] in
                do throws(SessionError) {
                    try StepRun(request, session: self, state: state, turn: turn).measure()
                } catch {
                    turn.end(.failure(error))
                }
            }
        }
    }
}

/// One step on its way: measure, judge, apply, commit. It ends the turn once.
///
/// `@unchecked Sendable`: its phases follow one another, whatever threads they run on, and only
/// the tiles of one phase run at the same time.
private final class StepRun: @unchecked Sendable {
    private let request: StepRequest
    private let session: Session
    private let state: SessionState
    private let turn: Turn<StepOutcome>
    private let pass: StepPass
    private let output: ParameterVector?

    /// Everything that can refuse the step without looking at its gradients.
    init(
        _ request: StepRequest, session: Session, state: SessionState, turn: Turn<StepOutcome>
    ) throws(SessionError) {
        if let expected = request.ifMatch, !expected.holds(for: state.tag) {
            throw .stepMismatch(expected: expected, current: state.tag)
        }
        try request.gradients.check(against: state.layout, request.options.partial)
        let settings = try StepSettings(
            request.options, of: state.optimizer.groups.map(\.name),
            maxGradNorm: state.maxGradNorm, nonfinite: state.nonfinite)
        let output = try request.output(for: state, session.context)
        do {
            pass = try state.optimizer.begin(
                Gradients(
                    base: request.gradients.slab.base, places: request.gradients.places),
                settings, output: output.map { StepOutput(base: $0.slab.base, type: $0.type) })
        } catch {
            throw .invalidSettings(SettingsFault(error, in: request.options.lr))
        }
        self.request = request
        self.session = session
        self.state = state
        self.turn = turn
        self.output = output
    }

    func measure() {
        run(tiles: pass.measureTileCount, { $0.measure(tile: $1) }, then: { $0.judge() })
    }

    private func judge() {
        switch pass.judge() {
        case .apply:
            run(tiles: pass.applyTileCount, { $0.apply(tile: $1) }, then: { $0.commit() })
        case .skip:
            guard let output else { return skip() }
            session.context.copyParameters(of: state, to: output) { self.skip() }
        case .reject(let slots):
            turn.end(.failure(.nonfiniteGradient(tensors: state.names(of: slots))))
        }
    }

    private func commit() {
        pass.commit()
        state.step += 1
        end(applied: true)
    }

    private func skip() {
        state.skipped += 1
        end(applied: false)
    }

    private func end(applied: Bool) {
        session.publish(stepOf: state)
        let lr = zip(state.optimizer.groups, pass.lr).map { (group: $0.name, lr: $1) }
        turn.end(
            .success(
                StepOutcome(
                    tag: state.tag, applied: applied, gradNorm: pass.gradNorm,
                    clipCoef: pass.clipCoef, lr: lr, loss: request.loss, output: output)))
    }

    private func run(
        tiles: Int, _ tile: @escaping @Sendable (StepPass, Int) -> Void,
        then next: @escaping @Sendable (StepRun) -> Void
    ) {
        session.context.run(
            weight: state.layout.weight, tiles: tiles, { [pass] in tile(pass, $0) },
            then: { next(self) })
    }
}

extension StepRequest {
    /// Where the answer goes: over the gradients if they may be overwritten, or to a new slab.
    fileprivate func output(
        for state: SessionState, _ context: SessionContext
    ) throws(SessionError) -> ParameterVector? {
        guard case .vector(let type) = reply else { return nil }
        let byteCount = state.layout.elementCount * type.byteCount
        let slab =
            gradients.canHoldAnswer(of: type, state.layout)
            ? gradients.slab : try context.takeBody(byteCount)
        return ParameterVector(slab: slab, type: type, byteCount: byteCount)
    }
}
