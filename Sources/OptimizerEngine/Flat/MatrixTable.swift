/// The matrices that Muon steps, with places in a workspace where they are orthogonalized.
///
/// A batch is as many neighbours as the workspace holds at a time: their tiles run side by side,
/// which keeps the lanes busy with small matrices, and the workspace is no larger than the largest
/// matrix needs, or than is worth while.
struct MatrixTable {
    struct Matrix {
        let slot: Int
        let rows: Int
        let columns: Int
        /// Where each part starts, in floats: two of the matrix's shape, two square ones.
        fileprivate(set) var update = 0
        fileprivate(set) var next = 0
        fileprivate(set) var gram = 0
        fileprivate(set) var polynomial = 0

        /// Of the square matrices: the shorter side.
        var side: Int { min(rows, columns) }
        var isTall: Bool { rows > columns }

        fileprivate var floatCount: Int {
            2 * MatrixTable.padded(rows * columns) + 2 * MatrixTable.padded(side * side)
        }

        fileprivate mutating func place(at start: Int) {
            update = start
            next = update + MatrixTable.padded(rows * columns)
            gram = next + MatrixTable.padded(rows * columns)
            polynomial = gram + MatrixTable.padded(side * side)
        }
    }

    /// In layout order; none of them is empty.
    private(set) var matrices: [Matrix] = []
    /// Ranges of `matrices`.
    private(set) var batches: [Range<Int>] = []
    private(set) var workspaceBytes = 0
    /// How much more work they are than their elements, counted in elements of Adam.
    private(set) var weight = 0

    /// A batch of so many floats is enough to keep lanes busy.
    private static let batchFloats = 1 << 20

    /// - Throws: `notMatrix` for a member of a group of Muon that has not two dimensions.
    init(_ slots: [ParameterSlot], _ table: GroupTable) throws(OptimizerError) {
        for group in table.groups where group.hyperparameters.type == .muon {
            for slot in group.members {
                let shape = slots[slot].shape
                guard shape.count == 2 else {
                    throw .notMatrix(parameter: slots[slot].name, shape: shape, group: group.name)
                }
                guard slots[slot].count > 0 else { continue }
                matrices.append(Matrix(slot: slot, rows: shape[0], columns: shape[1]))
            }
        }
        matrices.sort { $0.slot < $1.slot }
        place()
    }

    private mutating func place() {
        let most = max(matrices.map(\.floatCount).max() ?? 0, Self.batchFloats)
        var (first, used, work) = (0, 0, 0.0)
        for index in matrices.indices {
            if used + matrices[index].floatCount > most {
                batches.append(first..<index)
                (first, used) = (index, 0)
            }
            matrices[index].place(at: used)
            used += matrices[index].floatCount
            workspaceBytes = max(workspaceBytes, used * MemoryLayout<Float>.stride)
            // A multiplication and an addition take about a twentieth of what an element of Adam
            // does, and five steps have some twenty of them for each of these.
            let matrix = matrices[index]
            work += Double(matrix.side) * Double(matrix.rows) * Double(matrix.columns)
        }
        weight = Int(min(work, 1e15))
        if first < matrices.count { batches.append(first..<matrices.count) }
    }

    /// Parts start on whole vectors.
    private static func padded(_ count: Int) -> Int { (count + 15) & ~15 }
}
