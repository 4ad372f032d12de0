import OptimizerEngine
import OptimizerSessions
import SystemIO
import TensorFormats

/// The tensors of a safetensors file, each with a place in one slab, in layout order.
struct PlacedTensors {
    let slab: Slab
    /// By layout index: where that tensor lies; nil when the file has none.
    let places: [GradientPlace?]
    /// By the file's data order.
    let destinations: [UnsafeMutableRawPointer]
    /// Whether the slab is the whole layout as one gap-free vector of this dtype.
    private let whole: ElementType?

    /// - Throws: a tensor that the layout does not have, or has otherwise.
    init(
        _ header: SafetensorsHeader, in layout: TensorLayout, root: String, pool: SlabPool
    ) throws(Problem) {
        var types: [ElementType?] = Array(repeating: nil, count: layout.tensors.count)
        var indices: [Int] = []
        for entry in header.tensors {
            let (index, type) = try PlacedTensors.place(of: entry, in: layout, root: root)
            types[index] = type
            indices.append(index)
        }
        var offset = 0
        places = zip(types, layout.tensors).map { type, tensor in
            guard let type else { return nil }
            // Elements lie on multiples of their size whatever the dtypes before them were.
            offset = (offset + type.byteCount - 1) / type.byteCount * type.byteCount
            defer { offset += tensor.elementCount * type.byteCount }
            return GradientPlace(byteOffset: offset, type: type)
        }
        let first = types[0]
        whole = types.allSatisfy { $0 == first } ? first : nil
        slab = try pool.take(orProblem: offset)
        let base = slab.base
        let places = self.places
        destinations = indices.map { base + (places[$0]?.byteOffset ?? 0) }
    }

    private static func place(
        of entry: SafetensorsEntry, in layout: TensorLayout, root: String
    ) throws(Problem) -> (index: Int, type: ElementType) {
        let pointer = "\(root)/\(JSONPointer.escape(entry.name))"
        guard let index = layout.index(of: entry.name) else {
            throw Problem(
                .unknownParameter, at: pointer, "The session has no parameter of this name.")
        }
        guard let type = ElementType(entry.dtype) else {
            throw Problem(
                .dtypeMismatch, at: pointer,
                "The dtype is \(entry.dtype.rawValue); it must be one of F32, F64, F16, BF16.")
        }
        let expected = layout.tensors[index].shape
        guard entry.shape == expected else {
            throw Problem(
                .shapeMismatch, at: pointer,
                "The shape is \(entry.shape), the session's is \(expected)."
            ).with("expected", "\(expected)").with("actual", "\(entry.shape)")
        }
        return (index, type)
    }

    /// The tensors as a step's gradients.
    var gradients: StepGradients {
        StepGradients(slab: slab, places: whole.map { .whole($0) } ?? .each(places))
    }

    /// The tensors as new values of parameters, by layout index.
    var tensorPlaces: [TensorPlace?] {
        places.map { place in
            place.map { TensorPlace(slab: slab, byteOffset: $0.byteOffset, type: $0.type) }
        }
    }
}
