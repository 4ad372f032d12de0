/// Name, element type and shape of one tensor. Sizes are proven to fit before one exists.
package struct TensorDescription: Equatable, Sendable {
    package let name: String
    package let dtype: DType
    /// Extents, outermost first; empty for a single number.
    package let shape: [Int]
    package let elementCount: Int
    package let byteCount: Int

    /// Throws when an extent is negative or when the sizes overflow. The product is taken over
    /// the extents that are not zero, so that a zero cannot hide an absurd shape.
    package init(name: String, dtype: DType, shape: [Int]) throws(TensorSizeFault) {
        var product = 1
        for extent in shape {
            guard extent >= 0 else { throw .negativeExtent(tensor: name, shape: shape) }
            let (next, overflow) = product.multipliedReportingOverflow(by: max(extent, 1))
            guard !overflow else { throw .overflow(tensor: name, shape: shape) }
            product = next
        }
        let (bytes, overflow) = product.multipliedReportingOverflow(by: dtype.byteCount)
        guard !overflow else { throw .overflow(tensor: name, shape: shape) }
        let isEmpty = shape.contains(0)
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.elementCount = isEmpty ? 0 : product
        self.byteCount = isEmpty ? 0 : bytes
    }

    package static func == (left: TensorDescription, right: TensorDescription) -> Bool {
        left.dtype == right.dtype && left.shape == right.shape
            && ExactName(left.name) == ExactName(right.name)
    }
}

/// Sizes that do not fit, or a list of tensors that cannot be laid out.
package enum TensorSizeFault: Error, Equatable, Sendable {
    case negativeExtent(tensor: String, shape: [Int])
    case overflow(tensor: String, shape: [Int])
    case duplicateName(String)
    case layoutOverflow

    package var detail: String {
        switch self {
        case .negativeExtent(let tensor, let shape):
            "tensor \(tensor): the shape \(shape) has a negative extent"
        case .overflow(let tensor, let shape):
            "tensor \(tensor): a tensor of shape \(shape) does not fit into 64-bit sizes"
        case .duplicateName(let name):
            "tensor \(name) is named twice"
        case .layoutOverflow:
            "the tensors together do not fit into 64-bit sizes"
        }
    }
}
