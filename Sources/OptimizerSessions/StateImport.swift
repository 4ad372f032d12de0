import OptimizerEngine
import SystemIO
import TensorFormats

/// A state file that was judged in itself: names, types, shapes and values are those of a state.
package struct StateImport: Sendable {
    package let layout: TensorLayout
    package let elementType: ElementType
    let settings: ResolvedSettings
    let step: Int
    let skipped: Int
    /// How many gradients are accumulated.
    let accumulated: Int
    /// Of each tensor.
    let progress: [SlotProgress]
    let data: Slab
    /// Where each vector's part for each tensor starts in `data`; nil where the file has none.
    let offsets: [StateVector: [Int?]]
    /// Of each tensor where its accumulated gradient starts, and what it weighs; nil without one.
    let gradients: [(offset: Int, weight: Double)?]

    /// - Parameters:
    ///   - header: of the file.
    ///   - data: what follows the header, from `dataOffset` of the slab.
    package init(
        header: SafetensorsHeader, data: Slab, dataOffset: Int = 0
    ) throws(SessionError) {
        guard dataOffset >= 0, dataOffset <= data.byteCount,
            data.byteCount - dataOffset >= header.dataByteCount
        else {
            throw .shapeMismatch(
                tensor: nil, expected: "\(header.dataByteCount) bytes",
                actual: "\(data.byteCount) bytes")
        }
        let metadata = try StateMetadata(header.metadata)
        var tensors = StateTensors(header.tensors)
        layout = try tensors.layout(metadata.elementType)
        settings = try ResolvedSettings(metadata.settings, layout: layout)
        elementType = metadata.elementType
        step = metadata.step
        skipped = metadata.skipped
        accumulated = metadata.accumulated
        self.data = data
        gradients = try tensors.gradients(layout, elementType, data, dataOffset)
        guard (accumulated > 0) == gradients.contains(where: { $0 != nil }),
            accumulated <= UInt32.max
        else {
            throw .invalidSettings(
                SettingsFault(
                    .invalidValue, "\(StateMetadata.pointer)/\(StateFile.Metadata.accumulated)",
                    "must be how many gradients are accumulated, where there are any"))
        }
        (offsets, progress) = try tensors.places(
            layout, elementType, settings, data, dataOffset)
    }

    /// Sets what a state that was made for this file counts, takes the memory for accumulated
    /// gradients, and touches no vector.
    func setCounters(of state: SessionState) throws(SessionError) {
        do {
            try state.optimizer.restore(progress)
        } catch {
            throw SessionError(engine: error)
        }
        state.step = step
        state.skipped = skipped
        guard accumulated > 0 else { return }
        try state.accumulatorForMore().restore(
            weights: gradients.map { $0?.weight }, count: accumulated)
    }

    /// Fills the vectors of a state that was made for this file, and sets its counters.
    func fill(_ state: SessionState) throws(SessionError) {
        try setCounters(of: state)
        for (vector, offsets) in offsets {
            for (slot, offset) in offsets.enumerated() {
                guard let offset, let target = state.bytes(of: vector, slot: slot) else { continue }
                target.copyMemory(
                    from: UnsafeRawBufferPointer(
                        start: data.base + offset, count: target.count))
            }
        }
        for (slot, gradient) in gradients.enumerated() {
            guard let gradient, let target = state.gradientBytes(slot: slot) else { continue }
            target.copyMemory(
                from: UnsafeRawBufferPointer(
                    start: data.base + gradient.offset, count: target.count))
        }
    }

    /// Where a tensor of the state that the file becomes starts in `data`; nil for a number.
    func offset(of tensor: StateTensor) -> Int? {
        switch tensor.content {
        case .vector(let vector): offsets[vector]?[tensor.slot]
        case .gradient: gradients[tensor.slot]?.offset
        case .step, .muProduct, .gradientWeight: nil
        }
    }

    /// The first tensor of second moments that holds a negative number, which no sum of squares
    /// and no maximum of magnitudes is. Its root would turn the parameters into NaN at the next
    /// step.
    func firstNegativeSquare() -> String? {
        let squares: [StateVector] = [
            .expAvgSq, .maxExpAvgSq, .expInf, .sum, .squareAvg, .accDelta,
        ]
        for vector in squares {
            for (tensor, offset) in zip(layout.tensors, offsets[vector] ?? []) {
                guard let offset else { continue }
                let start = data.base + offset
                let isNegative =
                    elementType.working == .f64
                    ? StateImport.holdsNegative(start, count: tensor.elementCount, Double.self)
                    : StateImport.holdsNegative(start, count: tensor.elementCount, Float.self)
                if isNegative { return StateFile.prefix(of: vector) + tensor.name }
            }
        }
        return nil
    }

    private static func holdsNegative<Number: BinaryFloatingPoint>(
        _ start: UnsafeRawPointer, count: Int, _ type: Number.Type
    ) -> Bool {
        let stride = MemoryLayout<Number>.stride
        return (0..<count).contains {
            start.loadUnaligned(fromByteOffset: $0 * stride, as: Number.self) < 0
        }
    }
}

/// The tensors of a state file by name, taken out one after the other.
private struct StateTensors {
    private var entries: [ExactName: SafetensorsEntry]

    init(_ tensors: [SafetensorsEntry]) {
        entries = Dictionary(
            tensors.map { (ExactName($0.name), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The parameters say what the layout is.
    func layout(_ elementType: ElementType) throws(SessionError) -> TensorLayout {
        let prefix = StateFile.prefix(of: .parameters)
        var tensors: [TensorDescription] = []
        for entry in entries.values where entry.name.utf8.starts(with: prefix.utf8) {
            let name = String(decoding: entry.name.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
            if let fault = TensorName.fault(in: name) {
                throw .invalidSettings(
                    SettingsFault(
                        .invalidName, "/\(JSONPointer.escape(entry.name))",
                        "names no tensor: \(fault)"))
            }
            do {
                tensors.append(
                    try TensorDescription(
                        name: name, dtype: elementType.dtype, shape: entry.shape))
            } catch {
                throw .shapeMismatch(
                    tensor: entry.name, expected: "a shape that fits into memory",
                    actual: "\(entry.shape)")
            }
        }
        guard !tensors.isEmpty else { throw .missingTensor(name: prefix + "…") }
        do {
            return try TensorLayout(tensors)
        } catch {
            throw .shapeMismatch(
                tensor: nil, expected: "tensors that fit into memory", actual: error.detail)
        }
    }

    /// Where everything of that layout lies; nothing may be missing and nothing left over.
    mutating func places(
        _ layout: TensorLayout, _ elementType: ElementType, _ settings: ResolvedSettings,
        _ data: Slab, _ dataOffset: Int
    ) throws(SessionError) -> (offsets: [StateVector: [Int?]], progress: [SlotProgress]) {
        let hyperparameters = settings.hyperparametersOfTensors(count: layout.tensors.count)
        var offsets: [StateVector: [Int?]] = [:]
        for vector in StateVector.allCases {
            var places: [Int?] = []
            for (tensor, hyper) in zip(layout.tensors, hyperparameters) {
                let name = StateFile.prefix(of: vector) + tensor.name
                // SGD has no buffer before its first step with momentum.
                let isThere = vector != .momentumBuffer || hyper.type != .sgd || has(name)
                guard hyper.keeps(vector), isThere else {
                    places.append(nil)
                    continue
                }
                let entry = try take(name, elementType.working.dtype, tensor.shape)
                places.append(dataOffset + entry.begin)
            }
            if places.contains(where: { $0 != nil }) { offsets[vector] = places }
        }
        var progress: [SlotProgress] = []
        let numbers = UnsafeRawBufferPointer(rebasing: data.bytes[dataOffset...])
        for (slot, tensor) in layout.tensors.enumerated() {
            var one = SlotProgress(
                step: try step(of: tensor.name, in: numbers),
                hasMomentumBuffer: offsets[.momentumBuffer]?[slot] != nil)
            if hyperparameters[slot].type == .nadam {
                one.muProduct = try muProduct(of: tensor.name, in: numbers)
            }
            progress.append(one)
        }
        if let rest = entries.keys.min() { throw .unknownTensor(name: rest.text) }
        return (offsets, progress)
    }

    /// Accumulated gradients, of those tensors that have one.
    mutating func gradients(
        _ layout: TensorLayout, _ elementType: ElementType, _ data: Slab, _ dataOffset: Int
    ) throws(SessionError) -> [(offset: Int, weight: Double)?] {
        var gradients: [(offset: Int, weight: Double)?] = []
        let numbers = UnsafeRawBufferPointer(rebasing: data.bytes[dataOffset...])
        for tensor in layout.tensors {
            let name = StateFile.gradientPrefix + tensor.name
            guard has(name) || has(StateFile.gradientWeightPrefix + tensor.name) else {
                gradients.append(nil)
                continue
            }
            let entry = try take(name, elementType.working.dtype, tensor.shape)
            let (bits, weightEntry) = try number(
                StateFile.gradientWeightPrefix + tensor.name, .F64, in: numbers)
            let weight = Double(bitPattern: bits)
            guard weight.isFinite, weight > 0 else {
                throw refusal(of: weightEntry, "must be a finite number > 0, not \(weight)")
            }
            gradients.append((dataOffset + entry.begin, weight))
        }
        return gradients
    }

    private mutating func step(
        of tensor: String, in data: UnsafeRawBufferPointer
    ) throws(SessionError) -> Int {
        let (bits, entry) = try number(StateFile.stepPrefix + tensor, .I64, in: data)
        let step = Int64(bitPattern: bits)
        guard (0...Int64(SlotProgress.maximumStep)).contains(step) else {
            throw refusal(
                of: entry,
                "must be a step count from 0 to \(SlotProgress.maximumStep), not \(step)")
        }
        return Int(step)
    }

    private mutating func muProduct(
        of tensor: String, in data: UnsafeRawBufferPointer
    ) throws(SessionError) -> Double {
        let (bits, entry) = try number(StateFile.muProductPrefix + tensor, .F64, in: data)
        let product = Double(bitPattern: bits)
        guard SlotProgress.muProducts.contains(product) else {
            throw refusal(of: entry, "must be a number ≥ 0 and ≤ 1, not \(product)")
        }
        return product
    }

    /// The bits of a tensor that is one number.
    private mutating func number(
        _ name: String, _ dtype: DType, in data: UnsafeRawBufferPointer
    ) throws(SessionError) -> (bits: UInt64, entry: SafetensorsEntry) {
        let entry = try take(name, dtype, [])
        let bits = data.loadUnaligned(fromByteOffset: entry.begin, as: UInt64.self)
        return (UInt64(littleEndian: bits), entry)
    }

    private func refusal(of entry: SafetensorsEntry, _ requirement: String) -> SessionError {
        .invalidSettings(
            SettingsFault(
                .invalidValue, "/\(JSONPointer.escape(entry.name))", requirement))
    }

    private func has(_ name: String) -> Bool { entries[ExactName(name)] != nil }

    private mutating func take(
        _ name: String, _ dtype: DType, _ shape: [Int]
    ) throws(SessionError) -> SafetensorsEntry {
        guard let entry = entries.removeValue(forKey: ExactName(name)) else {
            throw .missingTensor(name: name)
        }
        guard entry.dtype == dtype else {
            throw .dtypeMismatch(
                tensor: name, expected: dtype.rawValue, actual: entry.dtype.rawValue)
        }
        guard entry.shape == shape else {
            throw .shapeMismatch(tensor: name, expected: "\(shape)", actual: "\(entry.shape)")
        }
        return entry
    }
}

extension ResolvedSettings {
    /// What is in force for each tensor; every tensor is in one group.
    fileprivate func hyperparametersOfTensors(count: Int) -> [Hyperparameters] {
        var all = [Hyperparameters](repeating: defaults, count: count)
        for group in groups {
            let values = group.overrides.applied(to: defaults)
            for member in group.members { all[member] = values }
        }
        return all
    }
}
