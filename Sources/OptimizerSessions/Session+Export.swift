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
    /// - Parameter step: nil for the current one; another is rebuilt from what is kept, as it
    ///   stood just before the step after it.
    package func exportState(
        step: Int? = nil, completion: @escaping SessionCompletion<StateExport>
    ) {
        takeTurn(completion) { [self] state, turn in
            if let step, step != state.step {
                let past = pastState(step, from: state)
                turn.leave()
                return past.rebuild { [context] result in
                    completion(
                        result.flatMap { past in
                            Result { () throws(SessionError) in try past.export(context) }
                        })
                }
            }
            context.run(weight: layout.weight) { [context] in
                turn.end { () throws(SessionError) in try state.export(context) }
            }
        }
    }
}

extension SessionState {
    fileprivate func export(_ context: SessionContext) throws(SessionError) -> StateExport {
        let file = try fileParts()
        let slab = try context.takeBody(file.byteCount)
        file.copy(of: self, to: slab.bytes)
        return StateExport(tag: tag, slab: slab, byteCount: file.byteCount)
    }

    /// - Parameter extra: tensors behind the state's own, whose data somebody else writes.
    func fileParts(extra: [TensorDescription] = []) throws(SessionError) -> StateFileParts {
        do {
            let tensors = try stateTensors()
            let header = try SafetensorsWriter.header(
                tensors: tensors.map(\.description) + extra, metadata: stateMetadata)
            return StateFileParts(header: header, tensors: tensors)
        } catch {
            throw .shapeMismatch(
                tensor: nil, expected: "a state that fits into a file", actual: error.detail)
        }
    }

    private var stateMetadata: [(name: String, value: String)] {
        [
            (StateFile.Metadata.formatVersion, StateFile.formatVersion),
            (StateFile.Metadata.session, SettingsDocument.text(of: self)),
            (StateFile.Metadata.skipped, String(skipped)),
            (StateFile.Metadata.step, String(step)),
        ]
    }
}

/// A state file in the making: its header, and the state's tensors in the order of their data.
struct StateFileParts {
    let header: [UInt8]
    let tensors: [StateTensor]

    /// Of the header and the state's own tensors.
    var byteCount: Int { tensors.reduce(header.count) { $0 + $1.description.byteCount } }

    func copy(of state: SessionState, to destination: UnsafeMutableRawBufferPointer) {
        destination.copyBytes(from: header)
        var offset = header.count
        for tensor in tensors {
            let rest = UnsafeMutableRawBufferPointer(rebasing: destination[offset...])
            copy(tensor, of: state, to: rest)
            offset += tensor.description.byteCount
        }
    }

    private func copy(
        _ tensor: StateTensor, of state: SessionState,
        to destination: UnsafeMutableRawBufferPointer
    ) {
        guard let vector = tensor.vector else {
            let step = Int64(state.optimizer.steps[tensor.slot]).littleEndian
            return destination.storeBytes(of: step, as: Int64.self)
        }
        guard let bytes = state.bytes(of: vector, slot: tensor.slot) else { return }
        destination.copyMemory(from: UnsafeRawBufferPointer(bytes))
    }
}
