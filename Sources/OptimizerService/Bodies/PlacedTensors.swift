import OptimizerEngine
import OptimizerSessions
import SystemIO
import TensorFormats

/// The tensors of a safetensors file, each with a place in one slab, in layout order.
struct PlacedTensors {
    let slab: Slab
    var runs: [DataRun] { placement.runs }
    private let placement: GradientPlacement
    private let layout: TensorLayout

    /// - Throws: a tensor that the session does not have, or has otherwise.
    init(
        _ header: SafetensorsHeader, of session: Session, root: String, pool: SlabPool
    ) throws(Problem) {
        layout = session.layout
        if let known = session.placement(of: header.list) {
            placement = known
        } else {
            placement = try PlacedTensors.placement(of: header.list, in: layout, root: root)
            session.remember(placement, of: header.list)
        }
        slab = try pool.take(orProblem: placement.byteCount)
    }

    private static func placement(
        of list: SafetensorsTensors, in layout: TensorLayout, root: String
    ) throws(Problem) -> GradientPlacement {
        var types: [ElementType] = []
        var indices: [Int] = []
        for entry in list.entries {
            let (index, type) = try place(of: entry, in: layout, root: root)
            types.append(type)
            indices.append(index)
        }
        return GradientPlacement(list, types: types, indices: indices, in: layout)
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
        StepGradients(slab: slab, places: placement.places)
    }

    /// The tensors as new values of parameters, by layout index.
    var tensorPlaces: [TensorPlace?] {
        placement.places.tensors(of: layout, in: slab)
    }
}
