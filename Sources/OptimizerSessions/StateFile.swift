import OptimizerEngine
import SystemIO
import TensorFormats

/// The names and order of what a state file holds (API §3a).
///
/// The steps, and NAdam's products, come first because they are the widest elements: every tensor
/// then starts at a multiple of its element's width, which readers that map the file rely on. The
/// vectors follow one after the other in layout order.
package enum StateFile {
    static let formatVersion = "1"
    static let stepPrefix = "step/"

    static let muProductPrefix = "mu_product/"

    static func prefix(of vector: StateVector) -> String { vector.rawValue + "/" }

    enum Metadata {
        static let formatVersion = "format_version"
        static let session = "session"
        static let step = "step"
        static let skipped = "skipped"
    }

    /// What a reader of state files has to allow so that a session at its limits can come back:
    /// each tensor comes up to five times (as step, parameters and three moments), with a prefix
    /// before its name, and groups name their tensors once more in the metadata, where quotes are
    /// escaped twice.
    package static func limits(for limits: FormatLimits) -> FormatLimits {
        let kinds = 5
        let longest = StateVector.allCases.map { prefix(of: $0).utf8.count }.max() ?? 0
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
        return tensors
    }

    /// The bytes of one tensor's part of a vector; nil when there is no such vector.
    func bytes(of vector: StateVector, slot: Int) -> UnsafeMutableRawBufferPointer? {
        guard let whole = optimizer.vector(vector) else { return nil }
        let width = optimizer.elementType.working.byteCount
        let start = layout.elementOffsets[slot] * width
        return UnsafeMutableRawBufferPointer(
            rebasing: whole[start..<start + layout.tensors[slot].elementCount * width])
    }

    /// The bytes of a tensor that is part of a vector.
    func bytes(of tensor: StateTensor) -> UnsafeMutableRawBufferPointer? {
        tensor.vector.flatMap { bytes(of: $0, slot: tensor.slot) }
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
        case vector(StateVector)
    }

    /// The bits of a tensor that is one number; nil for a vector's.
    func number(in progress: [SlotProgress]) -> UInt64? {
        switch content {
        case .step: UInt64(progress[slot].step)
        case .muProduct: progress[slot].muProduct.bitPattern
        case .vector: nil
        }
    }

    var vector: StateVector? {
        if case .vector(let vector) = content { vector } else { nil }
    }
}
