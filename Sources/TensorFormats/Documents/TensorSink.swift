/// Takes the tensors of a document, one after the other, and says where their numbers go.
package protocol TensorSink: AnyObject {
    /// A tensor begins. Returns the shape it must have, or nil when any shape will do.
    func begin(_ name: String) throws(SinkRefusal) -> [Int]?

    /// The type of the current tensor became known, possibly after some of its numbers.
    func settle(_ dtype: DType) throws(SinkRefusal)

    /// Room for the next numbers of the current tensor. It has no capacity only when a tensor of
    /// fixed shape is full.
    func room() throws(SinkRefusal) -> NumberRun

    /// `count` numbers were written at the start of the last `room()`.
    func wrote(_ count: Int)

    /// The current tensor is complete and well-formed.
    func end(shape: [Int]) throws(SinkRefusal)
}

/// A sink's objection; the reader knows where in the document it arose.
package struct SinkRefusal: Error, Equatable, Sendable {
    package let kind: DocumentFault.Kind
    package let detail: String

    package init(_ kind: DocumentFault.Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }
}

/// Memory that a run of decoded numbers is written to.
package struct NumberRun {
    package let base: UnsafeMutableRawPointer
    /// How many numbers of `precision` fit.
    package var capacity: Int
    package let precision: Precision

    package enum Precision: Sendable {
        /// Float, 4 bytes.
        case single
        /// Double, 8 bytes.
        case double
        /// A Double and a Float, 12 bytes without alignment, each rounded once from the decimal:
        /// the tensor's type is not known yet.
        case both

        package var stride: Int {
            switch self {
            case .single: 4
            case .double: 8
            case .both: 12
            }
        }
    }

    package init(base: UnsafeMutableRawPointer, capacity: Int, precision: Precision) {
        self.base = base
        self.capacity = capacity
        self.precision = precision
    }
}
