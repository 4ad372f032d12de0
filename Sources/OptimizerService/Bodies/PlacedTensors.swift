import OptimizerEngine
import OptimizerSessions
import SystemIO
import TensorFormats

/// The tensors of a safetensors file, each with a place in one slab, in layout order.
struct PlacedTensors {
    let slab: Slab
    /// By layout index: where that tensor lies; nil when the file has none.
    let places: [(byteOffset: Int, dtype: DType)?]
    /// By the file's data order.
    let destinations: [UnsafeMutableRawPointer]
    /// Whether the slab is the whole layout as one gap-free vector of this dtype.
    private let whole: DType?

    /// - Throws: a tensor that the layout does not have, or has otherwise.
    init(
        _ header: SafetensorsHeader, in layout: TensorLayout, root: String, pool: SlabPool
    ) throws(Problem) {
        var dtypes: [DType?] = Array(repeating: nil, count: layout.tensors.count)
        var indices: [Int] = []
        for entry in header.tensors {
            let index = try PlacedTensors.index(of: entry, in: layout, root: root)
            dtypes[index] = entry.dtype
            indices.append(index)
        }
        var offset = 0
        places = zip(dtypes, layout.tensors).map { dtype, tensor in
            guard let dtype else { return nil }
            // Elements lie on multiples of their size whatever the dtypes before them were.
            offset = (offset + dtype.byteCount - 1) / dtype.byteCount * dtype.byteCount
            defer { offset += tensor.elementCount * dtype.byteCount }
            return (offset, dtype)
        }
        let first = dtypes[0]
        whole = first != nil && dtypes.allSatisfy { $0 == first } ? first : nil
        slab = try pool.take(orProblem: offset)
        let base = slab.base
        let places = self.places
        destinations = indices.map { base + (places[$0]?.byteOffset ?? 0) }
    }

    private static func index(
        of entry: SafetensorsEntry, in layout: TensorLayout, root: String
    ) throws(Problem) -> Int {
        let pointer = "\(root)/\(JSONPointer.escape(entry.name))"
        guard let index = layout.index(of: entry.name) else {
            throw Problem(
                .unknownParameter, at: pointer, "The session has no parameter of this name.")
        }
        guard entry.dtype.isParameterType else {
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
        return index
    }

    /// The tensors as a step's gradients.
    var gradients: StepGradients {
        if let type = whole.flatMap({ ElementType($0) }) {
            return StepGradients(slab: slab, places: .whole(type))
        }
        return StepGradients(
            slab: slab,
            places: .each(
                places.map { place in
                    guard let place, let type = ElementType(place.dtype) else { return nil }
                    return GradientPlace(byteOffset: place.byteOffset, type: type)
                }))
    }

    /// The tensors as new values of parameters, by layout index.
    var tensorPlaces: [TensorPlace?] {
        places.map { place in
            guard let place, let type = ElementType(place.dtype) else { return nil }
            return TensorPlace(slab: slab, byteOffset: place.byteOffset, type: type)
        }
    }

    func requireGradients(
        _ partial: StepOptions.Partial, _ layout: TensorLayout
    ) throws(Problem) {
        try GradientPresence.require(places.map { $0 != nil }, partial, layout)
    }
}

/// Which parameters must have a gradient.
enum GradientPresence {
    /// - Throws: `missing-gradient`, naming those that have none but must.
    static func require(
        _ present: [Bool], _ partial: StepOptions.Partial, _ layout: TensorLayout
    ) throws(Problem) {
        if partial == .skip, present.contains(true) { return }
        let missing = zip(layout.tensors, present).filter { !$0.1 }.map(\.0.name)
        guard missing.isEmpty else {
            throw Problem(SessionError.missingGradient(tensors: missing), root: "/gradients")
        }
    }
}
