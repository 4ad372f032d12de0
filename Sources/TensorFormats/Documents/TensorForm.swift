/// What is known of a tensor written as `{"dtype", "shape", "data"}`.
struct TensorForm {
    struct Fault: Error {
        let kind: DocumentFault.Kind
        /// Appended to the tensor's pointer.
        let subpointer: String
        let detail: String
    }

    private let expected: [Int]?
    private let expectedCount: Int?
    private let rankLimit: Int
    var dtype: DType?
    private var extents: [Int] = []
    private var shape: [Int]?
    /// Numbers of `data` so far.
    var dataCount = 0
    private var hasData = false

    init(expected: [Int]?, rankLimit: Int) {
        self.expected = expected
        self.rankLimit = rankLimit
        expectedCount = expected?.reduce(1, *)
    }

    var extentCount: Int { extents.count }

    /// How many numbers `data` may still have.
    var room: Int {
        guard let expectedCount else { return Int.max }
        return expectedCount - dataCount
    }

    func checkRoom() throws(Fault) {
        guard room > 0 else {
            throw Fault(
                kind: .shapeMismatch(expected: expected, actual: nil), subpointer: "/data",
                detail: "shape \(expected ?? []) is expected, but data has more than "
                    + "\(dataCount) numbers")
        }
    }

    mutating func addExtent(_ number: DecimalNumber) throws(Fault) {
        guard let extent = number.count else {
            throw Fault(
                kind: .invalidValue, subpointer: "/shape/\(extents.count)",
                detail: "an extent is a whole number from 0 to \(Int.max), written without "
                    + "point and exponent")
        }
        guard extents.count < rankLimit else {
            throw Fault(
                kind: .invalidValue, subpointer: "/shape",
                detail: "the rank is larger than \(rankLimit)")
        }
        extents.append(extent)
    }

    mutating func endShape() throws(Fault) {
        if let expected, expected != extents {
            throw Fault(
                kind: .shapeMismatch(expected: expected, actual: extents), subpointer: "",
                detail: "shape \(expected) is expected, but the shape given is \(extents)")
        }
        shape = extents
    }

    mutating func endData() {
        hasData = true
    }

    /// The object is closed: every member must have been there, and they must agree.
    func end() throws(Fault) -> [Int] {
        guard dtype != nil else { throw missing("dtype") }
        guard let shape else { throw missing("shape") }
        guard hasData else { throw missing("data") }
        guard let count = elementCount(shape), count == dataCount else {
            throw Fault(
                kind: .shapeMismatch(expected: shape, actual: [dataCount]),
                subpointer: "/data",
                detail: "data has \(dataCount) numbers, but the shape \(shape) asks for "
                    + (elementCount(shape).map { "\($0)" } ?? "more than can be counted"))
        }
        return shape
    }

    private func missing(_ name: String) -> Fault {
        Fault(
            kind: .missingMember, subpointer: "/" + name,
            detail: "a tensor written as an object needs the member \(name)")
    }

    private func elementCount(_ shape: [Int]) -> Int? {
        if shape.contains(0) { return 0 }
        var product = 1
        for extent in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: extent)
            guard !overflow else { return nil }
            product = next
        }
        return product
    }
}
