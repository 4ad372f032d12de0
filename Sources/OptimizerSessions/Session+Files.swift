import OptimizerEngine
import Synchronization
import TensorFormats

/// What was worked out of a session's safetensors files and holds for the next one too: clients
/// send the same tensors with every step, and get the same ones back. It counts as state.
struct FileMemo {
    struct Received {
        let list: SafetensorsTensors
        let placement: GradientPlacement
        let memory: Reservation
    }

    struct Sent {
        let type: ElementType
        let header: [UInt8]
        let memory: Reservation
    }

    /// The longest header that is remembered: entries in their usual form, with their names.
    let textByteLimit: Int
    var received: Received?
    var sent: Sent?

    init(_ layout: TensorLayout) {
        textByteLimit = layout.tensors.reduce(256) { $0 + 256 + 2 * $1.name.utf8.count }
    }
}

extension Session {
    /// For the reading of a file with the session's gradients.
    package var recall: SafetensorsRecall {
        fileMemo.withLock {
            SafetensorsRecall(last: $0.received?.list, textByteLimit: $0.textByteLimit)
        }
    }

    /// Where the tensors go, when it is the very list that was remembered.
    package func placement(of list: SafetensorsTensors) -> GradientPlacement? {
        fileMemo.withLock { memo in
            guard let received = memo.received, received.list === list else { return nil }
            return received.placement
        }
    }

    package func remember(_ placement: GradientPlacement, of list: SafetensorsTensors) {
        guard list.textByteCount > 0,
            let memory = room(for: list.textByteCount + 512 * layout.tensors.count)
        else { return }
        let received = FileMemo.Received(list: list, placement: placement, memory: memory)
        fileMemo.withLock { $0.received = received }
    }

    /// Memory for what can be worked out again; nil when there is none left of the budget.
    private func room(for byteCount: Int) -> Reservation? {
        do {
            return try context.budget.reserve(byteCount)
        } catch {
            return nil
        }
    }

    /// What stands before the whole layout's data in a safetensors file.
    ///
    /// - Throws: the data would be too long in that type.
    package func fileHeader(of type: ElementType) throws(TensorSizeFault) -> [UInt8] {
        let (sent, limit) = fileMemo.withLock { ($0.sent, $0.textByteLimit) }
        if let sent, sent.type == type { return sent.header }
        let header = try SafetensorsWriter.header(tensors: layout.tensors, as: type.dtype)
        if header.count <= limit, let memory = room(for: header.count) {
            let sent = FileMemo.Sent(type: type, header: header, memory: memory)
            fileMemo.withLock { $0.sent = sent }
        }
        return header
    }
}
