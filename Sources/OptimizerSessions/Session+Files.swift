import OptimizerEngine
import Synchronization
import TensorFormats

/// What was worked out of a session's safetensors files and holds for the next one too: clients
/// send the same tensors with every step, and get the same ones back.
struct FileMemo {
    var received: (list: SafetensorsTensors, placement: GradientPlacement)?
    var sent: (type: ElementType, header: [UInt8])?
}

extension Session {
    /// For the reading of a file with the session's gradients.
    package var recall: SafetensorsRecall {
        SafetensorsRecall(
            last: fileMemo.withLock { $0.received?.list }, textByteLimit: layout.memoTextBytes)
    }

    /// Where the tensors go, when it is the very list that was remembered.
    package func placement(of list: SafetensorsTensors) -> GradientPlacement? {
        fileMemo.withLock { memo in
            guard let received = memo.received, received.list === list else { return nil }
            return received.placement
        }
    }

    package func remember(_ placement: GradientPlacement, of list: SafetensorsTensors) {
        guard list.canBeRecalled else { return }
        fileMemo.withLock { $0.received = (list, placement) }
    }

    /// What stands before the whole layout's data in a safetensors file.
    ///
    /// - Throws: the data would be too long in that type.
    package func fileHeader(of type: ElementType) throws(TensorSizeFault) -> [UInt8] {
        if let sent = fileMemo.withLock({ $0.sent }), sent.type == type { return sent.header }
        let header = try SafetensorsWriter.header(tensors: layout.tensors, as: type.dtype)
        if header.count <= layout.memoTextBytes {
            fileMemo.withLock { $0.sent = (type, header) }
        }
        return header
    }
}

extension TensorLayout {
    /// The longest header that is remembered: an entry in its usual form, with its name. It is
    /// part of what a session's overhead allows for.
    var memoTextBytes: Int {
        tensors.reduce(256) { $0 + 256 + 2 * $1.name.utf8.count }
    }
}
