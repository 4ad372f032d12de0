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
        guard let key = request.key else { return run(request, completion) }
        once(
            key, completion,
            again: { replay($0, for: key, reply: request.reply, completion: completion) },
            first: { run(request, $0) })
    }

    private func run(
        _ request: StepRequest, _ completion: @escaping SessionCompletion<StepOutcome>
    ) {
        StepVisit(request, session: self, completion).enter()
    }
}

/// A step that waits for its turn.
private final class StepVisit: Sendable {
    let request: StepRequest
    let session: Session
    let turn: Turn<StepOutcome>

    init(
        _ request: StepRequest, session: Session,
        _ completion: @escaping SessionCompletion<StepOutcome>
    ) {
        self.request = request
        self.session = session
        turn = Turn(turnstile: session.turnstile, completion: completion)
    }

    // Here and in the step's phases the closures hold this object and nothing else: such a
    // closure takes no memory of its own.

    func enter() {
        session.enter(turn) { self.prepare() }
    }

    /// A layout of many tensors is work before its first element is looked at.
    private func prepare() {
        session.context.run(weight: session.layout.tableWeight, isAlone: request.isAlone) {
            self.begin()
        }
    }

    private func begin() {
        do throws(SessionError) {
            let state = try session.stateForTurn()
            switch request.source {
            case .given(let gradients):
                try StepRun(self, gradients, state: state).measure()
            case .accumulated(let reduction, _):
                try gather(reduction, state)
            }
        } catch {
            turn.end(.failure(error))
        }
    }

    /// Steps with a copy of the accumulated gradients, which stay until the step is taken.
    private func gather(
        _ reduction: GradientAccumulator.Reduction, _ state: SessionState
    ) throws(SessionError) {
        guard let accumulator = state.accumulator, !accumulator.isEmpty else {
            throw .nothingAccumulated
        }
        let working = state.optimizer.elementType.working
        let slab = try session.context.takeBody(state.layout.elementCount * working.byteCount)
        session.context.run(
            weight: state.layout.weight, tiles: accumulator.tileCount,
            { accumulator.write(reduction, to: slab.base, tile: $0) }
        ) { [self] in
            let gradients = StepGradients(slab: slab, places: accumulator.places)
            do throws(SessionError) {
                try StepRun(self, gradients, state: state).measure()
            } catch {
                turn.end(.failure(error))
            }
        }
    }
}

/// One step on its way: measure, judge, log, apply, commit. It ends the turn once.
///
/// `@unchecked Sendable`: its phases follow one another, whatever threads they run on, and only
/// the tiles of one phase run at the same time.
private final class StepRun: @unchecked Sendable {
    private let visit: StepVisit
    private let gradients: StepGradients
    private let state: SessionState
    private let pass: StepPass
    private let output: ParameterVector?
    /// Of the record and the receipt alike, so that a recovery knows the same receipt.
    private let time = WallClock.now()

    private var request: StepRequest { visit.request }
    private var session: Session { visit.session }
    private var turn: Turn<StepOutcome> { visit.turn }

    /// Everything that can refuse the step without looking at its gradients.
    init(
        _ visit: StepVisit, _ gradients: StepGradients, state: SessionState
    ) throws(SessionError) {
        let (request, session) = (visit.request, visit.session)
        try state.policy.check(request.ifMatch, current: state.tag)
        try gradients.check(against: state.layout, request.options.partial)
        let settings = try StepSettings(
            request.options, of: state.optimizer.groups.map(\.name), under: state.policy)
        let output = try request.output(for: state, over: gradients, session.context)
        try session.makeReceiptRoom(
            for: request.key, groupCount: state.optimizer.groups.count)
        do {
            pass = try state.optimizer.begin(
                Gradients(base: gradients.slab.base, places: gradients.places),
                settings, step: state.step,
                output: output.map { StepOutput(base: $0.slab.base, type: $0.type) })
        } catch {
            throw .invalidSettings(SettingsFault(error, in: request.options.lr))
        }
        self.visit = visit
        self.gradients = gradients
        self.state = state
        self.output = output
    }

    func measure() {
        run(
            tiles: pass.measureTileCount, { self.pass.measure(tile: $0) },
            then: { self.judge() })
    }

    private func judge() {
        switch pass.judge() {
        case .apply:
            do throws(SessionError) {
                applyAndKeep(try appliedEntry())
            } catch {
                turn.end(.failure(error))
            }
        case .skip:
            guard let output else { return keepSkip() }
            session.context.copyParameters(of: state, to: output) { self.keepSkip() }
        case .reject(let slots):
            turn.end(.failure(.nonfiniteGradient(tensors: state.names(of: slots))))
        }
    }

    /// The gradients may be overwritten once they are written to the log. Applying them overlaps
    /// the wait for the disk, and nobody sees the step before both are done.
    private func applyAndKeep(_ entry: LogEntry) {
        guard session.log != nil else { return apply { self.commit() } }
        let both = BothDone { [self] result in
            switch result {
            case .success: commit()
            case .failure(let error): turn.end(.failure(error))
            }
        }
        session.append(
            entry,
            written: { [self] result in
                if case .failure(let error) = result { return turn.end(.failure(error)) }
                #if DEBUG
                if CrashPoint.afterSync.isNext { return }
                #endif
                apply { both.one(.success(())) }
            },
            durable: { result in
                #if DEBUG
                CrashPoint.afterSync.reach()
                #endif
                both.one(result)
            })
    }

    private func apply(then next: @escaping @Sendable () -> Void) {
        let first = StepPass.firstPhase
        guard pass.isLast(first) else { return apply(first, then: next) }
        // A closure that holds nothing but the step takes no memory.
        run(
            tiles: pass.tileCount(of: first),
            { self.pass.run(StepPass.firstPhase, tile: $0) }, then: next)
    }

    /// The phase and all that follow it.
    private func apply(_ phase: StepPass.Phase, then next: @escaping @Sendable () -> Void) {
        run(tiles: pass.tileCount(of: phase), { self.pass.run(phase, tile: $0) }) {
            guard let following = self.pass.next(after: phase) else { return next() }
            self.apply(following, then: next)
        }
    }

    private func commit() {
        pass.commit()
        state.step += 1
        zeroGradients()
        state.policy.gradScaler = state.policy.gradScaler?.afterStep()
        #if DEBUG
        CrashPoint.afterApply.reach()
        #endif
        end(applied: true)
    }

    private func keepSkip() {
        let skipped = entry(.skip, tag: state.tag, gradients: .none, payload: .empty)
        session.append(
            skipped,
            written: { [turn] in if case .failure(let error) = $0 { turn.end(.failure(error)) } },
            durable: { [self] result in
                if case .failure(let error) = result { return turn.end(.failure(error)) }
                state.skipped += 1
                zeroGradients()
                state.policy.gradScaler = state.policy.gradScaler?.afterSkip()
                end(applied: false)
            })
    }

    private var gradNorms: [(tensor: String, norm: Double)] {
        zip(state.layout.tensors, pass.tensorNorms()).compactMap { tensor, norm in
            norm.map { (tensor.name, $0) }
        }
    }

    private var zeroesGradients: Bool {
        if case .accumulated(_, zeroes: true) = request.source { true } else { false }
    }

    private func zeroGradients() {
        guard zeroesGradients else { return }
        state.accumulator?.zero()
    }

    private func end(applied: Bool) {
        session.publish(stepOf: state, at: time)
        let rates = LearningRates.of(pass, last: session.book.withLock { $0.latestRates })
        let receipt = StepReceipt(
            tag: state.tag, applied: applied, gradNorm: pass.gradNorm, clipCoef: pass.clipCoef,
            loss: request.loss, rates: rates, time: time, key: request.key)
        session.book.withLock { $0.add(receipt) }
        session.considerSnapshot()
        turn.end(
            .success(
                StepOutcome(
                    receipt, nextGradScale: state.policy.gradScaler?.scale,
                    gradNorms: request.asksTensorNorms ? gradNorms : nil,
                    output: output, isReplayed: false)))
    }

    private func run(
        tiles: Int, _ tile: @escaping @Sendable (Int) -> Void,
        then next: @escaping @Sendable () -> Void
    ) {
        session.context.run(
            weight: state.stepWeight, isAlone: request.isAlone && session.log == nil,
            tiles: tiles, tile, then: next)
    }

    // MARK: The record

    private func appliedEntry() throws(SessionError) -> LogEntry {
        let tag = SessionTag(generation: state.generation, step: state.step + 1)
        guard session.log != nil else {
            return LogEntry(kind: .step, tag: tag, time: time)
        }
        let (runs, payload) = try gradients.payload(of: state.layout, session.context)
        return entry(.step, tag: tag, gradients: runs, payload: payload)
    }

    private func entry(
        _ kind: LedgerRecord.Kind, tag: SessionTag, gradients: TensorRuns, payload: LedgerPayload
    ) -> LogEntry {
        let entry = StepEntry(
            gradNorm: pass.gradNorm, clipCoef: pass.clipCoef, gradScale: pass.gradScale,
            loss: request.loss, hyperparameters: pass.hyperparameters, key: request.key,
            gradients: gradients, clipValue: pass.clipValue, zeroesGradients: zeroesGradients)
        return LogEntry(kind: kind, tag: tag, time: time, detail: entry.bytes, payload: payload)
    }
}

extension StepRequest {
    /// Where the answer goes: over the gradients if they may be overwritten, or to a new slab.
    fileprivate func output(
        for state: SessionState, over gradients: StepGradients, _ context: SessionContext
    ) throws(SessionError) -> ParameterVector? {
        guard case .vector(let type) = reply else { return nil }
        let byteCount = state.layout.elementCount * type.byteCount
        let slab =
            gradients.canHoldAnswer(of: type, state.layout)
            ? gradients.slab : try context.takeBody(byteCount)
        return ParameterVector(slab: slab, type: type, byteCount: byteCount)
    }
}
