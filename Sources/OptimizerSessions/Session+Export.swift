import OptimizerEngine
import SystemIO
import TensorFormats

/// A session's whole state as the bytes of a safetensors file (API §3a).
package struct StateExport: Sendable {
    package let tag: SessionTag
    /// The file from the slab's start; the slab may be longer.
    package let slab: Slab
    package let byteCount: Int
    /// The file tells of accumulated gradients too, of which the tag does not.
    package let isBetweenSteps: Bool
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
        let header = try file.header()
        let byteCount = header.count + file.dataBytes
        let slab = try context.takeBody(byteCount)
        slab.bytes.copyBytes(from: header)
        file.copyData(
            of: self, to: UnsafeMutableRawBufferPointer(rebasing: slab.bytes[header.count...]))
        return StateExport(
            tag: tag, slab: slab, byteCount: byteCount, isBetweenSteps: accumulated > 0)
    }

    func fileParts() throws(SessionError) -> StateFileParts {
        do {
            return StateFileParts(metadata: stateMetadata, tensors: try stateTensors())
        } catch {
            throw StateFileParts.tooLarge(error)
        }
    }

    private var stateMetadata: [(name: String, value: String)] {
        (accumulated > 0 ? [(StateFile.Metadata.accumulated, String(accumulated))] : []) + [
            (StateFile.Metadata.formatVersion, StateFile.formatVersion),
            (StateFile.Metadata.session, SettingsDocument.text(of: self)),
            (StateFile.Metadata.skipped, String(skipped)),
            (StateFile.Metadata.step, String(step)),
        ]
    }
}

/// What a state file holds: metadata, and the state's tensors in the order of their data. It stays
/// as it was while the state goes on.
struct StateFileParts: Sendable {
    let metadata: [(name: String, value: String)]
    let tensors: [StateTensor]

    var dataBytes: Int { tensors.reduce(0) { $0 + $1.description.byteCount } }

    /// - Parameter extra: tensors behind the state's own, whose data somebody else writes.
    func header(extra: [TensorDescription] = []) throws(SessionError) -> [UInt8] {
        do {
            return try SafetensorsWriter.header(
                tensors: tensors.map(\.description) + extra, metadata: metadata)
        } catch {
            throw Self.tooLarge(error)
        }
    }

    static func tooLarge(_ fault: TensorSizeFault) -> SessionError {
        .shapeMismatch(
            tensor: nil, expected: "a state that fits into a file", actual: fault.detail)
    }

    func copyData(of state: SessionState, to destination: UnsafeMutableRawBufferPointer) {
        var offset = 0
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
        if let number = state.number(of: tensor) {
            destination.storeBytes(of: number.littleEndian, as: UInt64.self)
        } else if let bytes = state.bytes(of: tensor) {
            destination.copyMemory(from: UnsafeRawBufferPointer(bytes))
        }
    }
}
