/// Reads `{"gradients": {NAME: TENSOR, …}, other members …}` from windows of any size, split at
/// any byte.
///
/// A TENSOR is nested arrays of numbers, a bare number (rank 0), or `{"dtype", "shape", "data"}`
/// with flat, row-major data. Numbers go straight to where the sink wants them, each rounded
/// once from its decimal. The first fault ends the reading; what the sink has taken by then is
/// to be thrown away.
package struct TensorDocumentReader {
    private var scanner: JSONScanner
    private var handler: TensorDocumentHandler
    private let isOptional: Bool

    /// - Parameters:
    ///   - tensorMember: the name of the member that holds the tensors.
    ///   - isOptional: whether a document may be without it.
    ///   - sharing: has long runs of numbers read by several threads; that changes nothing of what
    ///     comes out.
    package init(
        tensorMember: String, isOptional: Bool = false, sink: any TensorSink,
        limits: FormatLimits = FormatLimits(), sharing: WorkSharing? = nil
    ) {
        scanner = JSONScanner(
            depth: limits.jsonDepth, tokenBytes: limits.jsonTokenBytes, sharing: sharing)
        self.isOptional = isOptional
        handler = TensorDocumentHandler(
            tensorMember: tensorMember, sink: sink, limits: limits)
    }

    /// Whether the member with the tensors has come.
    package var hasTensors: Bool { handler.hasTensors }

    /// The memory that the reader and the sink hold by now beside the tensors' numbers: the
    /// values of other members, names and shapes.
    package var heldByteCount: Int { handler.heldByteCount }

    /// Reads the next part of the document.
    package mutating func consume(_ window: UnsafeRawBufferPointer) throws(DocumentFault) {
        try scanner.consume(window, &handler)
    }

    /// The document is whole. Returns the members beside the tensors, in their order.
    package mutating func finish() throws(DocumentFault) -> [JSONMember] {
        try scanner.finish(&handler)
        guard handler.hasTensors || isOptional else {
            throw .semantic(
                kind: .missingMember, pointer: handler.tensorsPointer,
                detail: "the member \(handler.tensorMember) is missing")
        }
        return handler.options
    }
}
