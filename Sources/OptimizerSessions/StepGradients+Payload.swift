import OptimizerEngine
import SystemIO
import TensorFormats

extension StepGradients {
    /// The gradients as a record's payload: from their own place where they lie there as they do
    /// in a payload, otherwise from a copy.
    func payload(
        of layout: TensorLayout, _ context: SessionContext
    ) throws(SessionError) -> (TensorRuns, LedgerPayload) {
        switch places {
        case .whole(let type):
            let runs = TensorRuns(whole: type, of: layout)
            return (
                runs, LedgerPayload(slab, byteCount: layout.elementCount * type.byteCount)
            )
        case .each:
            return try layout.payload(of: places.tensors(of: layout, in: slab), context)
        }
    }
}

extension TensorLayout {
    /// The tensors that have a place as a payload: in layout order, without gaps.
    func payload(
        of places: [TensorPlace?], _ context: SessionContext
    ) throws(SessionError) -> (TensorRuns, LedgerPayload) {
        let runs = TensorRuns(places.map { $0?.type })
        let byteCount = zip(tensors, places).reduce(0) { sum, pair in
            sum + pair.0.elementCount * (pair.1?.type.byteCount ?? 0)
        }
        if let first = places.lazy.compactMap({ $0 }).first, isGapless(places, from: first) {
            let payload = LedgerPayload(
                first.slab, byteOffset: first.byteOffset, byteCount: byteCount)
            return (runs, payload)
        }
        let slab = try context.takeBody(byteCount)
        var offset = 0
        for (tensor, place) in zip(tensors, places) {
            guard let place else { continue }
            let count = tensor.elementCount * place.type.byteCount
            (slab.base + offset).copyMemory(from: place.base, byteCount: count)
            offset += count
        }
        return (runs, LedgerPayload(slab, byteCount: byteCount))
    }

    private func isGapless(_ places: [TensorPlace?], from first: TensorPlace) -> Bool {
        var offset = first.byteOffset
        return zip(tensors, places).allSatisfy { tensor, place in
            guard let place else { return true }
            defer { offset += tensor.elementCount * place.type.byteCount }
            return place.slab === first.slab && place.byteOffset == offset
        }
    }
}
