@testable import TensorFormats

/// A document whose names and shapes nobody knows before, read in pieces.
struct CollectedDocument: Equatable {
    enum Outcome: Equatable {
        case read([Tensor], options: [UInt8])
        case refused(DocumentFault)
    }

    struct Tensor: Equatable {
        let name: [UInt8]
        let dtype: DType
        let shape: [Int]
        /// Of each number as it was stored.
        let bits: [UInt64]
    }

    let outcome: Outcome

    init(_ pieces: [[UInt8]], sharing: WorkSharing? = nil) throws {
        let byteCount = pieces.reduce(0) { $0 + $1.count }
        let memory = LentMemory()
        let sink = CollectingSink { _, byteCount in memory.grow(to: byteCount) }
        var reader = TensorDocumentReader(
            tensorMember: DocumentTarget.tensorMember, sink: sink, sharing: sharing)
        do throws(DocumentFault) {
            for piece in pieces { try reader.consume(piece) }
            let options = try reader.finish()
            let tensors = sink.tensors.map { Tensor($0, memory.bytes) }
            outcome = .read(tensors, options: DocumentTarget.written(.object(options)))
        } catch {
            outcome = .refused(error)
        }
        // A number takes two bytes of text and, before its type is known, twelve of memory,
        // which is doubled when it is full.
        try require(
            memory.bytes.count <= max(4096, 2 * 12 * byteCount), "memory grows with the numbers")
        // The dearest member is a tensor with the shortest name.
        try require(
            reader.heldByteCount <= 64 * byteCount + 256, "what is held grows with the text")
    }
}

extension CollectedDocument.Tensor {
    init(_ tensor: CollectingSink.Tensor, _ memory: UnsafeMutableRawBufferPointer) {
        let description = tensor.description
        let numbers = UnsafeRawBufferPointer(memory)
        name = Array(description.name.utf8)
        dtype = description.dtype
        shape = description.shape
        bits = (0..<description.elementCount).map { index in
            description.dtype.working == .F64
                ? numbers.loadUnaligned(
                    fromByteOffset: tensor.byteOffset + index * 8, as: UInt64.self)
                : UInt64(
                    numbers.loadUnaligned(
                        fromByteOffset: tensor.byteOffset + index * 4, as: UInt32.self))
        }
    }
}

/// A document for a layout that is known, read in pieces into memory that is no larger than it
/// must be.
struct KnownDocument: Equatable {
    private(set) var fault: DocumentFault?
    /// The bits of each tensor of the layout; empty for one that did not come whole.
    private(set) var values: [[UInt64]] = []

    init(
        _ pieces: [[UInt8]], _ layout: TensorLayout, _ working: DType,
        sharing: WorkSharing? = nil
    ) throws {
        let memory = layout.tensors.map {
            UnsafeMutableRawBufferPointer.allocate(
                byteCount: $0.elementCount * working.byteCount, alignment: 8)
        }
        defer { memory.forEach { $0.deallocate() } }
        let sink = KnownLayoutSink(
            layout: layout, working: working,
            destinations: memory.map { $0.baseAddress ?? Self.nowhere })
        var reader = TensorDocumentReader(
            tensorMember: DocumentTarget.tensorMember, sink: sink, sharing: sharing)
        do throws(DocumentFault) {
            for piece in pieces { try reader.consume(piece) }
            _ = try reader.finish()
        } catch {
            fault = error
            return
        }
        values = zip(memory, sink.present).map { bytes, isPresent in
            guard isPresent else { return [] }
            return working == .F64
                ? Array(bytes.bindMemory(to: UInt64.self))
                : bytes.bindMemory(to: UInt32.self).map { UInt64($0) }
        }
    }

    /// For tensors without numbers.
    private nonisolated(unsafe) static let nowhere = UnsafeMutableRawPointer.allocate(
        byteCount: 0, alignment: 8)
}

extension TensorDocumentReader {
    fileprivate mutating func consume(_ piece: [UInt8]) throws(DocumentFault) {
        try piece.withUnsafeBufferPointer { bytes throws(DocumentFault) in
            try consume(UnsafeRawBufferPointer(bytes))
        }
    }
}

/// Memory as the caller of a `CollectingSink` lends it: never more than was asked for.
private final class LentMemory {
    private(set) var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit { bytes.deallocate() }

    func grow(to byteCount: Int) -> UnsafeMutableRawBufferPointer? {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 8)
        larger.copyMemory(from: UnsafeRawBufferPointer(bytes))
        bytes.deallocate()
        bytes = larger
        return larger
    }
}
