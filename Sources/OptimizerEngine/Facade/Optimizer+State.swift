// State out and in. Loading is strict: everything is checked before anything changes.

extension Optimizer {
    /// A copy of steps, moments and hyperparameters.
    public func stateDict() -> StateDictionary {
        var state: [String: StateDictionary.Entry] = [:]
        for (index, slot) in core.slots.enumerated() {
            let progress = core.progress[index]
            let isNAdam = core.hyperparameters(slot: index).type == .nadam
            var tensors: [String: StateDictionary.Tensor] = [:]
            for vector in StateVector.moments where core.has(vector, slot: index) {
                tensors[vector.rawValue] = tensor(vector, slot)
            }
            state[slot.name] = StateDictionary.Entry(
                step: progress.step, muProduct: isNAdam ? progress.muProduct : nil,
                tensors: tensors)
        }
        return StateDictionary(
            type: type, state: state,
            parameterGroups: parameterGroups.map {
                StateDictionary.Group(
                    name: $0.name, parameters: $0.parameters, hyperparameters: $0.hyperparameters)
            }, stepCount: stepCount)
    }

    /// Takes over steps, moments and the groups' hyperparameters. Parameters' values stay.
    /// - Throws: `OptimizerError.state` or `.invalidHyperparameter`; nothing has changed then.
    public func load(stateDict: StateDictionary) throws(OptimizerError) {
        if let fault = fault(in: stateDict) { throw .state(fault) }
        let overrides = stateDict.parameterGroups.map {
            (name: $0.name, HyperparameterOverrides($0.hyperparameters))
        }
        try replaceOverrides(overrides)
        let entries = core.slots.compactMap { stateDict.state[$0.name] }
        try core.restore(
            entries.map { entry in
                SlotProgress(
                    step: entry.step, muProduct: entry.muProduct ?? 1,
                    hasMomentumBuffer: entry.tensors[StateVector.momentumBuffer.rawValue] != nil)
            })
        stepCount = stateDict.stepCount
        for (slot, entry) in zip(core.slots, entries) {
            for vector in StateVector.moments {
                if let tensor = entry.tensors[vector.rawValue] { write(tensor, vector, slot) }
            }
        }
    }

    /// The first way in which a state dictionary does not fit.
    private func fault(in dictionary: StateDictionary) -> StateFault? {
        guard dictionary.type == type else {
            return .wrongType(expected: type, actual: dictionary.type)
        }
        guard (0...SlotProgress.maximumStep).contains(dictionary.stepCount) else {
            return .invalidStep(entry: "step", step: dictionary.stepCount)
        }
        let names = Set(core.slots.map(\.name))
        if let extra = dictionary.state.keys.sorted().first(where: { !names.contains($0) }) {
            return .unexpected(entry: extra)
        }
        guard dictionary.parameterGroups.count == core.groups.count else {
            let own = Set(core.groups.map(\.name))
            let other = Set(dictionary.parameterGroups.map(\.name))
            return .wrongGroup(own.symmetricDifference(other).min() ?? GroupTable.defaultName)
        }
        for (own, other) in zip(core.groups, dictionary.parameterGroups) {
            let members = own.members.map { core.slots[$0] }
            guard own.name == other.name, members.map(\.name) == other.parameters else {
                return .wrongGroup(other.name)
            }
            let types = (own.hyperparameters.type, other.hyperparameters.type)
            guard types.0 == types.1 else {
                return .wrongType(expected: types.0, actual: types.1)
            }
            for slot in members {
                guard let entry = dictionary.state[slot.name] else {
                    return .missing(entry: slot.name)
                }
                let fault = fault(in: entry, of: slot, other.hyperparameters)
                if let fault { return fault }
            }
        }
        return nil
    }

    private func fault(
        in entry: StateDictionary.Entry, of slot: ParameterSlot, _ hyper: Hyperparameters
    ) -> StateFault? {
        guard (0...SlotProgress.maximumStep).contains(entry.step) else {
            return .invalidStep(entry: slot.name + "/step", step: entry.step)
        }
        let muProduct = slot.name + "/mu_product"
        switch (hyper.type == .nadam, entry.muProduct) {
        case (true, nil): return .missing(entry: muProduct)
        case (true, let product?) where !SlotProgress.muProducts.contains(product):
            return .invalidNumber(entry: muProduct, number: product)
        case (false, .some): return .unexpected(entry: muProduct)
        default: break
        }
        var rest = entry.tensors
        for vector in StateVector.moments where hyper.keeps(vector) {
            let label = "\(slot.name)/\(vector.rawValue)"
            if let tensor = rest.removeValue(forKey: vector.rawValue) {
                if let fault = fault(in: tensor, label, of: slot) { return fault }
            } else if vector != .momentumBuffer || hyper.type != .sgd {
                return .missing(entry: label)
            }
        }
        return rest.keys.min().map { .unexpected(entry: "\(slot.name)/\($0)") }
    }

    private func fault(
        in tensor: StateDictionary.Tensor, _ label: String, of slot: ParameterSlot
    ) -> StateFault? {
        if tensor.shape != slot.shape {
            return .wrongShape(entry: label, expected: slot.shape, actual: tensor.shape)
        }
        if tensor.values.elementType != core.working {
            return .wrongElementType(
                entry: label, expected: core.working, actual: tensor.values.elementType)
        }
        if tensor.values.count != slot.count {
            return .wrongCount(entry: label, expected: slot.count, actual: tensor.values.count)
        }
        return nil
    }

    private func memory(
        _ which: StateVector, _ slot: ParameterSlot
    ) -> UnsafeMutableRawBufferPointer {
        let width = core.working.byteCount
        guard let whole = core.vector(which) else { return .init(start: nil, count: 0) }
        let bytes = slot.offset * width..<(slot.offset + slot.count) * width
        return UnsafeMutableRawBufferPointer(rebasing: whole[bytes])
    }

    private func tensor(_ which: StateVector, _ slot: ParameterSlot) -> StateDictionary.Tensor {
        let bytes = memory(which, slot)
        let values: StateDictionary.Values =
            core.working == .f64
            ? .f64(Array(bytes.assumingMemoryBound(to: Double.self)))
            : .f32(Array(bytes.assumingMemoryBound(to: Float.self)))
        return StateDictionary.Tensor(shape: slot.shape, values: values)
    }

    private func write(
        _ tensor: StateDictionary.Tensor, _ which: StateVector, _ slot: ParameterSlot
    ) {
        let destination = memory(which, slot)
        switch tensor.values {
        case .f32(let values): values.withUnsafeBytes { destination.copyMemory(from: $0) }
        case .f64(let values): values.withUnsafeBytes { destination.copyMemory(from: $0) }
        }
    }
}
