import OptimizerEngine
import SystemIO
import TensorFormats

/// Parameters as they were read at one version.
package struct ParameterReading: Sendable {
    package let tag: SessionTag
    package let description: SessionDescription
    /// The whole layout, or the one tensor asked for; nil when no answer was wanted.
    package let vector: ParameterVector?
}

extension Session {
    /// Reads the current parameters, all in layout order or one tensor.
    ///
    /// - Parameters:
    ///   - type: any; in F32 a 16-bit session gives its masters.
    ///   - tensor: an index into the layout.
    package func readParameters(
        type: ElementType, tensor: Int? = nil,
        completion: @escaping SessionCompletion<ParameterReading>
    ) {
        takeTurn(completion) { [self] state, turn in
            read(type, tensor, state, turn)
        }
    }

    /// Replaces the parameters of the tensors that have a place; moments and steps stay.
    ///
    /// - Parameter places: one a tensor in layout order, nil for those that stay.
    package func writeParameters(
        _ places: [TensorPlace?], ifMatch: Precondition? = nil, reply: StepReply = .none,
        completion: @escaping SessionCompletion<ParameterReading>
    ) {
        takeTurn(completion) { [self] state, turn in
            context.run(weight: layout.weight) { [self] in
                do throws(SessionError) {
                    try overwrite(places, ifMatch, reply, state, turn)
                } catch {
                    turn.end(.failure(error))
                }
            }
        }
    }

    private func overwrite(
        _ places: [TensorPlace?], _ ifMatch: Precondition?, _ reply: StepReply,
        _ state: SessionState, _ turn: Turn<ParameterReading>
    ) throws(SessionError) {
        try state.check(ifMatch)
        try layout.check(places)
        let bad = state.nonFiniteTensors(in: places)
        guard bad.isEmpty else { throw .nonfiniteParameter(tensors: bad) }
        let vector = try state.takeVector(reply, context)
        var runs = ByteWriter()
        let (tensors, payload) = try layout.payload(of: places, context)
        tensors.write(to: &runs)
        let entry = revision(.parameters, of: state, detail: runs.bytes, payload: payload)
        keep(entry, turn) { [self] in
            state.overwriteParameters(with: places)
            publish(revisionOf: state, at: entry.time)
            if let vector {
                state.optimizer.copyParameters(
                    to: StepOutput(base: vector.slab.base, type: vector.type))
            }
            considerSnapshot()
            turn.end(
                .success(
                    ParameterReading(
                        tag: state.tag, description: description(), vector: vector)))
        }
    }

    private func read(
        _ type: ElementType, _ tensor: Int?, _ state: SessionState, _ turn: Turn<ParameterReading>
    ) {
        let vector: ParameterVector
        do {
            vector = try state.takeVector(of: type, tensor: tensor, context)
        } catch {
            return turn.end(.failure(error))
        }
        let answer: @Sendable () -> Void = { [self] in
            turn.end(
                .success(
                    ParameterReading(
                        tag: state.tag, description: description(), vector: vector)))
        }
        guard let tensor else {
            return context.copyParameters(of: state, to: vector, then: answer)
        }
        context.run(weight: layout.tensors[tensor].elementCount) {
            state.optimizer.copyParameters(slot: tensor, to: vector.slab.base, type: type)
            answer()
        }
    }
}

extension SessionContext {
    /// Writes all parameters to `vector`, on the lanes when they are many.
    func copyParameters(
        of state: SessionState, to vector: ParameterVector,
        then completion: @escaping @Sendable () -> Void
    ) {
        let output = StepOutput(base: vector.slab.base, type: vector.type)
        run(
            weight: state.layout.weight, tiles: state.optimizer.exportTileCount,
            { state.optimizer.copyParameters(to: output, tile: $0) }, then: completion)
    }
}

extension SessionState {
    fileprivate func takeVector(
        _ reply: StepReply, _ context: SessionContext
    ) throws(SessionError) -> ParameterVector? {
        guard case .vector(let type) = reply else { return nil }
        return try takeVector(of: type, tensor: nil, context)
    }

    fileprivate func takeVector(
        of type: ElementType, tensor: Int?, _ context: SessionContext
    ) throws(SessionError) -> ParameterVector {
        if let tensor, !layout.tensors.indices.contains(tensor) {
            throw .unknownTensor(name: "#\(tensor)")
        }
        let elements = tensor.map { layout.tensors[$0].elementCount } ?? layout.elementCount
        let byteCount = elements * type.byteCount
        return ParameterVector(
            slab: try context.takeBody(byteCount), type: type, byteCount: byteCount)
    }

    /// Names of the tensors whose given values are not finite in the working precision.
    func nonFiniteTensors(in places: [TensorPlace?]) -> [String] {
        guard let first = places.lazy.compactMap({ $0?.base }).first else { return [] }
        // The places may be in several slabs; distances from one of them name them all, and only
        // addresses inside the slabs are ever formed from them.
        let distances = places.map { place in
            place.map { GradientPlace(byteOffset: $0.base - first, type: $0.type) }
        }
        return names(
            of: optimizer.nonFiniteSlots(of: Gradients(base: first, places: .each(distances))))
    }

    func overwriteParameters(with places: [TensorPlace?]) {
        for (slot, place) in places.enumerated() {
            guard let place else { continue }
            optimizer.overwriteParameters(
                slot: slot, from: place.base, type: place.type)
        }
    }
}

extension TensorLayout {
    /// That there is a place for every tensor, or none, and that the elements lie inside.
    func check(_ places: [TensorPlace?]) throws(SessionError) {
        guard places.count == tensors.count else {
            throw .shapeMismatch(
                tensor: nil, expected: "\(tensors.count) tensors",
                actual: "\(places.count) tensors")
        }
        for (tensor, place) in zip(tensors, places) {
            guard let place else { continue }
            try place.slab.check(tensor, at: place.byteOffset, place.type)
        }
    }
}
