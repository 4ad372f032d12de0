/// Tensors in byte order of their names, one after the other without gaps.
package struct TensorLayout: Equatable, Sendable {
    package let tensors: [TensorDescription]
    /// Where each tensor starts, in bytes.
    package let byteOffsets: [Int]
    /// Where each tensor starts, in elements.
    package let elementOffsets: [Int]
    package let byteCount: Int
    package let elementCount: Int
    /// A bound for all tensors' text in JSON without their numbers.
    package let jsonFrameBytes: Int
    /// Empty where looking through the tensors is as fast: a session of few has no need of a table.
    private let indices: [ExactName: Int]

    private static let largestWithoutTable = 8

    /// Sorts `tensors`; throws when a name comes twice or the sum of the sizes overflows.
    package init(_ tensors: [TensorDescription]) throws(TensorSizeFault) {
        let sorted = tensors.sorted { ExactName($0.name) < ExactName($1.name) }
        var byteOffsets: [Int] = []
        var elementOffsets: [Int] = []
        var indices: [ExactName: Int] = [:]
        byteOffsets.reserveCapacity(sorted.count)
        elementOffsets.reserveCapacity(sorted.count)
        let hasTable = sorted.count > Self.largestWithoutTable
        if hasTable { indices.reserveCapacity(sorted.count) }
        var byteCount = 0
        var elementCount = 0
        var jsonFrameBytes = 0
        for (index, tensor) in sorted.enumerated() {
            // Sorted, equal names are neighbours.
            guard index == 0 || ExactName(sorted[index - 1].name) != ExactName(tensor.name) else {
                throw .duplicateName(tensor.name)
            }
            if hasTable { indices[ExactName(tensor.name)] = index }
            byteOffsets.append(byteCount)
            elementOffsets.append(elementCount)
            let (sum, overflow) = byteCount.addingReportingOverflow(tensor.byteCount)
            guard !overflow else { throw .layoutOverflow }
            byteCount = sum
            // No tensor has more elements than bytes, so this sum is the smaller one.
            elementCount += tensor.elementCount
            jsonFrameBytes += tensor.jsonFrameBytes
        }
        self.tensors = sorted
        self.byteOffsets = byteOffsets
        self.elementOffsets = elementOffsets
        self.byteCount = byteCount
        self.elementCount = elementCount
        self.jsonFrameBytes = jsonFrameBytes
        self.indices = indices
    }

    /// The place of the tensor whose name has exactly these bytes.
    package func index(of name: String) -> Int? {
        let name = ExactName(name)
        guard indices.isEmpty else { return indices[name] }
        return tensors.firstIndex { ExactName($0.name) == name }
    }

    package static func == (left: TensorLayout, right: TensorLayout) -> Bool {
        left.tensors == right.tensors
    }
}
