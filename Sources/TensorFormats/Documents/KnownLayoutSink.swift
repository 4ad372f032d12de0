/// Takes tensors of a known layout: every name and shape is given, numbers are decoded straight
/// into the caller's memory, and which tensors came is recorded.
package final class KnownLayoutSink: TensorSink {
    private let layout: TensorLayout
    private let precision: NumberRun.Precision
    private let destinations: [UnsafeMutableRawPointer]
    /// For each tensor of the layout, whether it came.
    package private(set) var present: [Bool]
    private var current = 0
    private var written = 0

    /// One destination a tensor, in the layout's order, each with room for its elements in
    /// `working` precision (F64; everything else is decoded to F32). They must stay valid while
    /// the sink is in use; they need not be aligned.
    package init(
        layout: TensorLayout, working: DType, destinations: [UnsafeMutableRawPointer]
    ) {
        self.layout = layout
        precision = working.working == .F64 ? .double : .single
        self.destinations = destinations
        present = Array(repeating: false, count: layout.tensors.count)
    }

    /// The whole layout as one vector at `base`.
    package convenience init(
        layout: TensorLayout, working: DType, base: UnsafeMutableRawPointer
    ) {
        let width = working.working.byteCount
        self.init(
            layout: layout, working: working,
            destinations: layout.elementOffsets.map { base + $0 * width })
    }

    package func begin(_ name: String) throws(SinkRefusal) -> [Int]? {
        guard let index = layout.index(of: name) else {
            throw SinkRefusal(.unknownTensor, "there is no parameter of this name")
        }
        current = index
        written = 0
        return layout.tensors[index].shape
    }

    /// A request may write any parameter type: the numbers are decoded to the session's working
    /// precision all the same.
    package func settle(_ dtype: DType) {}

    package func room() -> NumberRun {
        NumberRun(
            base: destinations[current] + written * precision.stride,
            capacity: layout.tensors[current].elementCount - written, precision: precision)
    }

    package func wrote(_ count: Int) {
        written += count
    }

    package func end(shape: [Int]) {
        present[current] = true
    }
}
