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
}
