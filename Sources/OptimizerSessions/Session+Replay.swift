import OptimizerEngine
import SystemIO

extension Session {
    /// What became of a key; nil for one that is not known.
    package func receipt(ofKey key: String) throws(SessionError) -> StepReceipt? {
        switch book.withLock({ $0.state(of: key) }) {
        case .unknown: return nil
        case .inProgress: throw .idempotencyInProgress
        case .done(let receipt): return receipt
        }
    }

    /// The receipt of an applied step: the latest of that number, or that generation's.
    package func receipt(step: Int, generation: Int?) throws(SessionError) -> StepReceipt {
        guard let receipt = book.withLock({ $0.receipt(step: step, generation: generation) })
        else { throw .unknownReceipt(step: step, current: tag) }
        return receipt
    }

    /// Takes memory for one more receipt, with learning rates of its own. By the holder of the
    /// turn.
    func makeReceiptRoom(
        for key: IdempotencyKey?, groupCount: Int
    ) throws(SessionError) {
        let needed =
            book.withLock { $0.byteCount } + ReceiptBook.byteCount(withKey: key?.text)
            + LearningRates.byteCount(groupCount: groupCount)
        try receiptRoom.make(needed, in: context.budget)
    }

    /// Executes a request with a key if it is the first one with it.
    ///
    /// - Parameters:
    ///   - again: is called in place of `first` when the key's request was executed before.
    ///   - first: gets the completion that it has to call.
    func once<Outcome>(
        _ key: IdempotencyKey, _ completion: @escaping SessionCompletion<Outcome>,
        again: (StepReceipt) -> Void, first: (@escaping SessionCompletion<Outcome>) -> Void
    ) {
        switch book.withLock({ $0.claim(key.text) }) {
        case .inProgress:
            completion(.failure(.idempotencyInProgress))
        case .done(let receipt):
            again(receipt)
        case .unknown:
            first { [self] result in
                // What was done has its receipt by now, and the key belongs to that.
                if case .failure = result { book.withLock { $0.release(key.text) } }
                completion(result)
            }
        }
    }

    /// Answers a request whose key is known with what the first one with it did. Nothing changes;
    /// the parameters are in the answer while the session is still where that step left it.
    package func replay(
        _ receipt: StepReceipt, for key: IdempotencyKey, reply: StepReply,
        completion: @escaping SessionCompletion<StepOutcome>
    ) {
        guard receipt.key == key else { return completion(.failure(.idempotencyKeyReused)) }
        guard case .vector(let type) = reply, receipt.tag == tag else {
            return completion(.success(replayed(receipt, output: nil)))
        }
        readParameters(type: type) { result in
            completion(
                result.map { reading in
                    // The session may have gone on before the read had its turn.
                    let output = reading.tag == receipt.tag ? reading.vector : nil
                    return self.replayed(receipt, output: output)
                })
        }
    }

    private func replayed(_ receipt: StepReceipt, output: ParameterVector?) -> StepOutcome {
        StepOutcome(
            receipt, nextGradScale: description().policy.gradScaler?.scale, output: output,
            isReplayed: true)
    }
}
