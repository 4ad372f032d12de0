import OptimizerEngine
import SystemIO
import TensorFormats

/// A session's whole state as the bytes of a safetensors file (API §3a).
package struct StateExport: Sendable {
    package let tag: SessionTag
    /// The file from the slab's start; the slab may be longer.
    package let slab: Slab
    package let byteCount: Int
}

extension Session {
    /// Writes everything that resumes the run anywhere. Equal states give equal bytes.
    ///
    /// - Parameter step: the current one, or nil; no other state is kept.
    package func exportState(
        step: Int? = nil, completion: @escaping SessionCompletion<StateExport>
    ) {
        takeTurn(completion) { [self] state, turn in
            context.run(weight: layout.weight) { [self] in
                turn.end { () throws(SessionError) in
                    if let step, step != state.step {
                        throw .unknownStep(asked: step, current: state.tag)
                    }
                    return try state.export(context)
                }
            }
        }
    }
}

extension SessionState {
    fileprivate func export(_ context: SessionContext) throws(SessionError) -> StateExport {
        let tensors: [StateTensor]
        let header: [UInt8]
        do {
            tensors = try stateTensors()
            header = try SafetensorsWriter.header(
                tensors: tensors.map(\.description), metadata: stateMetadata)
        } catch {
            throw .shapeMismatch(
                tensor: nil, expected: "a state that fits into a file", actual: error.detail)
        }
        let byteCount = tensors.reduce(header.count) { $0 + $1.description.byteCount }
        let slab = try context.takeBody(byteCount)
        slab.bytes.copyBytes(from: header)
        var offset = header.count
        for tensor in tensors {
            copy(tensor, to: UnsafeMutableRawBufferPointer(rebasing: slab.bytes[offset...]))
            offset += tensor.description.byteCount
        }
        return StateExport(tag: tag, slab: slab, byteCount: byteCount)
    }

    private var stateMetadata: [(name: String, value: String)] {
        [
            (StateFile.Metadata.formatVersion, StateFile.formatVersion),
            (StateFile.Metadata.session, SettingsDocument.text(of: self)),
            (StateFile.Metadata.skipped, String(skipped)),
            (StateFile.Metadata.step, String(step)),
        ]
    }

    private func copy(_ tensor: StateTensor, to destination: UnsafeMutableRawBufferPointer) {
        guard let vector = tensor.vector else {
            let step = Int64(optimizer.steps[tensor.slot]).littleEndian
            return destination.storeBytes(of: step, as: Int64.self)
        }
        guard let bytes = bytes(of: vector, slot: tensor.slot) else { return }
        destination.copyMemory(from: UnsafeRawBufferPointer(bytes))
    }
}
