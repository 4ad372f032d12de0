import OptimizerEngine
import SystemIO
import TensorFormats

extension StepGradients {
    /// That every gradient lies inside the slab, that there is one at all, and one for every
    /// tensor unless `partial` allows to leave some out.
    package func check(
        against layout: TensorLayout, _ partial: PartialPolicy
    ) throws(SessionError) {
        switch places {
        case .whole(let type):
            // A session's layout has been allocated with 8 or 4 bytes an element: no overflow.
            let expected = layout.elementCount * type.byteCount
            guard slab.byteCount >= expected else {
                throw .shapeMismatch(
                    tensor: nil, expected: "\(expected) bytes",
                    actual: "\(slab.byteCount) bytes")
            }
        case .each(let places):
            guard places.count == layout.tensors.count else {
                throw .shapeMismatch(
                    tensor: nil, expected: "\(layout.tensors.count) tensors",
                    actual: "\(places.count) tensors")
            }
            let isEnough =
                switch partial {
                case .skip: places.contains { $0 != nil }
                case .error: !places.contains { $0 == nil }
                }
            guard isEnough else {
                let missing = zip(layout.tensors, places).filter { $0.1 == nil }
                throw .missingGradient(tensors: missing.map(\.0.name))
            }
            for (tensor, place) in zip(layout.tensors, places) {
                guard let place else { continue }
                try slab.check(tensor, at: place.byteOffset, place.type)
            }
        }
    }

    /// Whether an answer of that type may be written over the gradients element by element.
    func canHoldAnswer(of answer: ElementType, _ layout: TensorLayout) -> Bool {
        guard !isShared, slab.byteCount >= layout.elementCount * answer.byteCount else {
            return false
        }
        switch places {
        case .whole(let type):
            return type.byteCount == answer.byteCount
        case .each(let places):
            return zip(places, layout.elementOffsets).allSatisfy { place, offset in
                guard let place else { return true }
                return place.type.byteCount == answer.byteCount
                    && place.byteOffset == offset * answer.byteCount
            }
        }
    }
}

extension Slab {
    /// That the tensor's elements, in that type, lie inside the slab.
    func check(
        _ tensor: TensorDescription, at byteOffset: Int, _ type: ElementType
    ) throws(SessionError) {
        let expected = tensor.elementCount * type.byteCount
        guard byteOffset >= 0, byteOffset <= byteCount, byteCount - byteOffset >= expected else {
            throw .shapeMismatch(
                tensor: tensor.name, expected: "\(expected) bytes",
                actual: "\(max(0, byteCount - max(0, byteOffset))) bytes")
        }
    }
}
