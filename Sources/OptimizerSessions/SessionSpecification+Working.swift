import OptimizerEngine
import SystemIO
import TensorFormats

extension SessionSpecification {
    /// The one dtype of all parameters, which lie as they should: each in that dtype or in its
    /// working precision.
    func elementType() throws(SessionError) -> ElementType {
        guard let first = layout.tensors.first else {
            throw .invalidSettings(
                SettingsFault(
                    .missingMember, "/parameters", "must hold at least one tensor"))
        }
        guard let type = ElementType(first.dtype) else {
            throw .dtypeMismatch(
                tensor: first.name, expected: "F32, F64, F16 or BF16",
                actual: first.dtype.rawValue)
        }
        try layout.check(parameters)
        for (tensor, place) in zip(layout.tensors, parameters) {
            let isSessionType = place.type == type || place.type == type.working
            guard tensor.dtype != type.dtype || !isSessionType else { continue }
            let actual = tensor.dtype != type.dtype ? tensor.dtype : place.type.dtype
            throw .dtypeMismatch(
                tensor: tensor.name, expected: type.dtype.rawValue, actual: actual.rawValue)
        }
        return type
    }

    /// The same creation with every parameter in the session's working precision, in which equal
    /// creations have equal bits whatever form they came in. Only 16-bit tensors need memory for
    /// it, and only those that came as such.
    func inWorkingPrecision(
        of type: ElementType, _ context: SessionContext
    ) throws(SessionError) -> SessionSpecification {
        let working = type.working
        guard parameters.contains(where: { $0.type != working }) else { return self }
        let slab = try context.takeBody(layout.elementCount * working.byteCount)
        var widened = self
        for (index, tensor) in layout.tensors.enumerated() {
            let place = parameters[index]
            let offset = layout.elementOffsets[index] * working.byteCount
            Kernels.best.convert(
                place.slab.base + place.byteOffset, place.type, to: slab.base + offset, working,
                count: tensor.elementCount)
            widened.parameters[index] = TensorPlace(
                slab: slab, byteOffset: offset, type: working)
        }
        return widened
    }

    /// Tensors with a finite number that rounds to an infinity in the session's type: a JSON
    /// creation of an F16 session can hold 65520. Such a session would begin with an answer that
    /// is not finite.
    func tensorsOutOfRange(
        of type: ElementType, _ context: SessionContext
    ) throws(SessionError) -> [String] {
        guard type != type.working else { return [] }
        let largest = layout.tensors.map(\.elementCount).max() ?? 0
        let slab = try context.takeBody(largest * type.byteCount)
        var names: [String] = []
        for (tensor, place) in zip(layout.tensors, parameters) where place.type != type {
            Kernels.best.convert(
                place.slab.base + place.byteOffset, place.type, to: slab.base, type,
                count: tensor.elementCount)
            let isFinite = Kernels.best.allFinite(
                slab.base, type, working: type.working, count: tensor.elementCount, gradScale: 1)
            if !isFinite { names.append(tensor.name) }
        }
        return names
    }
}
