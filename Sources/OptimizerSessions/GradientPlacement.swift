import OptimizerEngine
import TensorFormats

/// Where the tensors of a safetensors file go in one slab: in layout order, however they lie in
/// the file.
package struct GradientPlacement: Sendable {
    package let places: Gradients.Places
    /// What the slab has to hold.
    package let byteCount: Int
    /// In the file's data order.
    package let runs: [DataRun]

    /// - Parameters:
    ///   - list: with one dtype for each entry, all of it held against the layout already.
    ///   - indices: of each entry in the layout, none twice.
    package init(
        _ list: SafetensorsTensors, types: [ElementType], indices: [Int], in layout: TensorLayout
    ) {
        var typeOfTensor: [ElementType?] = Array(repeating: nil, count: layout.tensors.count)
        for (index, type) in zip(indices, types) { typeOfTensor[index] = type }
        var offset = 0
        let each = zip(typeOfTensor, layout.tensors).map { type, tensor -> GradientPlace? in
            guard let type else { return nil }
            // Elements lie on multiples of their size whatever the dtypes before them were.
            offset = (offset + type.byteCount - 1) / type.byteCount * type.byteCount
            defer { offset += tensor.elementCount * type.byteCount }
            return GradientPlace(byteOffset: offset, type: type)
        }
        byteCount = offset
        runs = DataRun.of(list.entries, at: indices.map { each[$0]?.byteOffset ?? 0 })
        let first = typeOfTensor[0]
        let whole = typeOfTensor.allSatisfy { $0 == first } ? first : nil
        places = whole.map { .whole($0) } ?? .each(each)
    }
}
