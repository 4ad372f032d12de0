import OptimizerEngine
import SystemIO
import TensorFormats

/// The names and order of what a state file holds (API §3a).
///
/// The steps, NAdam's products and gradients' weights come first because they are the widest
/// elements: every tensor then starts at a multiple of its element's width, which readers that map
/// the file rely on. The vectors follow one after the other in layout order.
package enum StateFile {
    static let formatVersion = "1"
    static let stepPrefix = "step/"

    static let muProductPrefix = "mu_product/"
    /// Accumulated gradients, and the sum of the weights that each is made of.
    static let gradientPrefix = "grad/"
    static let gradientWeightPrefix = "grad_weight/"

    static func prefix(of vector: StateVector) -> String { vector.rawValue + "/" }

    enum Metadata {
        static let formatVersion = "format_version"
        static let session = "session"
        static let step = "step"
        static let skipped = "skipped"
        /// Only where there are any.
        static let accumulated = "accumulated"
    }

    /// What a reader of state files has to allow so that a session at its limits can come back:
    /// each tensor comes up to seven times (as step, parameters, three moments, accumulated
    /// gradient and its weight), with a prefix before its name, and groups name their tensors once
    /// more in the metadata, where quotes are escaped twice.
    package static func limits(for limits: FormatLimits) -> FormatLimits {
        let kinds = 7
        let longest =
            (StateVector.allCases.map { prefix(of: $0) } + [gradientWeightPrefix])
            .map(\.utf8.count).max() ?? 0
        var wider = limits
        wider.tensorCount *= kinds
        wider.safetensorsHeaderBytes *= kinds + 3
        wider.nameBytes += longest
        return wider
    }
}

extension SessionState {
    /// Every tensor of the state file in the order of its data.
    func stateTensors() throws(TensorSizeFault) -> [StateTensor] {
        let working = optimizer.elementType.working.dtype
        var tensors: [StateTensor] = []
        for (slot, tensor) in layout.tensors.enumerated() {
            let name = StateFile.stepPrefix + tensor.name
            let description = try TensorDescription(name: name, dtype: .I64, shape: [])
            tensors.append(StateTensor(description: description, slot: slot, content: .step))
        }
        for (slot, tensor) in layout.tensors.enumerated()
        where optimizer.hyperparameters(slot: slot).type == .nadam {
            let name = StateFile.muProductPrefix + tensor.name
            let description = try TensorDescription(name: name, dtype: .F64, shape: [])
            tensors.append(
                StateTensor(description: description, slot: slot, content: .muProduct))
        }
        let weights = accumulator?.weights ?? []
        for (slot, weight) in weights.enumerated() where weight != nil {
            let name = StateFile.gradientWeightPrefix + layout.tensors[slot].name
            let description = try TensorDescription(name: name, dtype: .F64, shape: [])
            tensors.append(
                StateTensor(description: description, slot: slot, content: .gradientWeight))
        }
        for vector in StateVector.allCases {
            for (slot, tensor) in layout.tensors.enumerated()
            where optimizer.has(vector, slot: slot) {
                let name = StateFile.prefix(of: vector) + tensor.name
                let description = try TensorDescription(
                    name: name, dtype: working, shape: tensor.shape)
                tensors.append(
                    StateTensor(description: description, slot: slot, content: .vector(vector)))
            }
        }
        for (slot, weight) in weights.enumerated() where weight != nil {
            let tensor = layout.tensors[slot]
            let description = try TensorDescription(
                name: StateFile.gradientPrefix + tensor.name, dtype: working, shape: tensor.shape)
            tensors.append(StateTensor(description: description, slot: slot, content: .gradient))
        }
        return tensors
    }

    /// The bytes of one tensor's part of a vector; nil when there is no such vector.
    func bytes(of vector: StateVector, slot: Int) -> UnsafeMutableRawBufferPointer? {
        optimizer.vector(vector).map { bytes(ofSlot: slot, in: $0) }
    }

    /// The bytes of one tensor's accumulated gradient.
    func gradientBytes(slot: Int) -> UnsafeMutableRawBufferPointer? {
        accumulator.map {
            bytes(
                ofSlot: slot,
                in: UnsafeMutableRawBufferPointer(
                    start: $0.memory.base, count: $0.memory.byteCount))
        }
    }

    private func bytes(
        ofSlot slot: Int, in whole: UnsafeMutableRawBufferPointer
    ) -> UnsafeMutableRawBufferPointer {
        let width = optimizer.elementType.working.byteCount
        let start = layout.elementOffsets[slot] * width
        return UnsafeMutableRawBufferPointer(
            rebasing: whole[start..<start + layout.tensors[slot].elementCount * width])
    }

    /// The bytes of a tensor that is part of a vector.
    func bytes(of tensor: StateTensor) -> UnsafeMutableRawBufferPointer? {
        switch tensor.content {
        case .vector(let vector): bytes(of: vector, slot: tensor.slot)
        case .gradient: gradientBytes(slot: tensor.slot)
        case .step, .muProduct, .gradientWeight: nil
        }
    }

    /// The bits of a tensor that is one number; nil for all others.
    func number(of tensor: StateTensor) -> UInt64? {
        switch tensor.content {
        case .step: UInt64(optimizer.progress[tensor.slot].step)
        case .muProduct: optimizer.progress[tensor.slot].muProduct.bitPattern
        case .gradientWeight: accumulator?.weights[tensor.slot]?.bitPattern
        case .vector, .gradient: nil
        }
    }
}

/// One tensor of a state file.
struct StateTensor: Sendable {
    let description: TensorDescription
    let slot: Int
    let content: Content

    enum Content: Sendable {
        case step
        case muProduct
        case gradientWeight
        case vector(StateVector)
        case gradient
    }
}
