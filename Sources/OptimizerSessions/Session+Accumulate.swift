import OptimizerEngine
import SystemIO

/// Gradients for a step to come.
package struct AccumulationRequest: Sendable {
    package var gradients: StepGradients
    /// What they are multiplied with; a finite number > 0 in the session's working precision.
    package var weight = 1.0
    package var ifMatch: Precondition?
    /// A request with the key of an earlier one is answered with what that one did.
    package var key: IdempotencyKey?

    package init(gradients: StepGradients) {
        self.gradients = gradients
    }
}

/// What has become of the accumulated gradients.
package struct Accumulation: Sendable {
    /// The version, which accumulating does not change.
    package let tag: SessionTag
    /// How many there were then, those of the request included.
    package let count: Int
    /// Whether this tells what an earlier request with the same key did.
    package let isReplayed: Bool
}

extension Session {
    /// Adds gradients to those that the next step without gradients takes, wholly or not at all.
    /// Parameters that the request leaves out have got none by it.
    package func accumulate(
        _ request: AccumulationRequest, completion: @escaping SessionCompletion<Accumulation>
    ) {
        guard let key = request.key else { return add(request, completion) }
        once(
            key, completion,
            again: { replay($0, for: key, completion: completion) },
            first: { add(request, $0) })
    }

    private func add(
        _ request: AccumulationRequest, _ completion: @escaping SessionCompletion<Accumulation>
    ) {
        takeTurn(completion) { [self] state, turn in
            context.run(weight: layout.tableWeight) { [self] in
                do throws(SessionError) {
                    try add(request, to: state, turn)
                } catch {
                    turn.end(.failure(error))
                }
            }
        }
    }

    private func add(
        _ request: AccumulationRequest, to state: SessionState, _ turn: Turn<Accumulation>
    ) throws(SessionError) {
        try state.policy.check(request.ifMatch, current: state.tag)
        try request.gradients.check(against: layout, .skip)
        guard state.accumulated < UInt32.max else { throw .queueFull(limit: Int(UInt32.max)) }
        try makeReceiptRoom(for: request.key, groupCount: 0)
        let accumulator = try state.accumulatorForMore()
        guard accumulator.canAdd(weight: request.weight) else {
            throw .invalidSettings(
                SettingsFault(
                    .invalidValue, "/weight",
                    "must leave the sum of all weights finite in the parameters' precision"))
        }
        let (runs, payload) = try request.gradients.payload(of: layout, context)
        let record = GradientsEntry(
            weight: request.weight, count: state.accumulated + 1, key: request.key,
            gradients: runs)
        let entry = LogEntry(
            kind: .gradients, tag: state.tag, time: WallClock.now(), detail: record.bytes,
            payload: payload)
        keep(entry, turn) { [self] in
            let gradients = Gradients(
                base: request.gradients.slab.base, places: request.gradients.places)
            context.run(
                weight: layout.weight, tiles: accumulator.tileCount,
                { accumulator.add(gradients, weight: request.weight, tile: $0) }
            ) { [self] in
                accumulator.commit(gradients, weight: request.weight)
                publish(accumulationIn: state, at: entry.time)
                if let key = request.key { remember(key, state, at: entry.time) }
                considerSnapshot()
                turn.end(
                    .success(
                        Accumulation(
                            tag: state.tag, count: accumulator.count, isReplayed: false)))
            }
        }
    }

    private func remember(_ key: IdempotencyKey, _ state: SessionState, at time: WallTime) {
        book.withLock {
            $0.add(.accumulation(state.accumulated, state.tag, at: time, key, last: $0.latestRates))
        }
    }

    /// Gives the accumulated gradients up, with their memory. Without any, nothing happens.
    package func zeroGradients(
        ifMatch: Precondition? = nil, completion: @escaping SessionCompletion<Accumulation>
    ) {
        takeTurn(completion) { [self] state, turn in
            do throws(SessionError) {
                try state.check(ifMatch)
            } catch {
                return turn.end(.failure(error))
            }
            let time = WallClock.now()
            let done: @Sendable () -> Void = { [self] in
                state.accumulator = nil
                publish(accumulationIn: state, at: time)
                turn.end(.success(Accumulation(tag: state.tag, count: 0, isReplayed: false)))
            }
            guard state.accumulated > 0 else { return done() }
            let entry = LogEntry(kind: .zeroGradients, tag: state.tag, time: time)
            keep(entry, turn, then: done)
        }
    }

    /// Answers a request whose key is known with what the first one with it did.
    package func replay(
        _ receipt: StepReceipt, for key: IdempotencyKey,
        completion: SessionCompletion<Accumulation>
    ) {
        completion(Result { () throws(SessionError) in try receipt.accumulation(for: key) })
    }
}

extension StepReceipt {
    /// Of gradients that were accumulated; there are no numbers of a step.
    static func accumulation(
        _ count: Int, _ tag: SessionTag, at time: WallTime, _ key: IdempotencyKey,
        last: LearningRates?
    ) -> StepReceipt {
        StepReceipt(
            tag: tag, applied: false, gradNorm: 0, clipCoef: 1, loss: nil,
            rates: last ?? LearningRates([]), time: time, key: key,
            accumulated: UInt32(clamping: count))
    }

    /// As what the request did that it is the receipt of.
    fileprivate func accumulation(
        for key: IdempotencyKey
    ) throws(SessionError) -> Accumulation {
        guard let accumulated, self.key == key else { throw .idempotencyKeyReused }
        return Accumulation(tag: tag, count: Int(accumulated), isReplayed: true)
    }
}
