import OptimizerEngine
import SystemIO
import TensorFormats

extension StepGradients {
    /// That every gradient lies inside the slab and that there is one at all.
    func check(against layout: TensorLayout) throws(SessionError) {
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
            guard places.contains(where: { $0 != nil }) else {
                throw .missingGradient(tensors: layout.tensors.map(\.name))
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

extension StepLearningRate {
    static func pointer(_ group: String) -> String {
        "/lr/\(JSONPointer.escape(group))"
    }
}

extension SettingsFault {
    static func unknownGroup(at pointer: String) -> SettingsFault {
        SettingsFault(.unknownMember, pointer, "is no parameter group of the session")
    }

    /// A step option out of range, as the client wrote it.
    init(_ error: HyperparameterError, in learningRate: StepLearningRate) {
        guard let group = error.group, case .byGroup = learningRate else {
            self.init(error, at: "/\(error.name)")
            return
        }
        self.init(error, at: StepLearningRate.pointer(group))
    }
}
