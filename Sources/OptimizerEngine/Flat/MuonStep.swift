/// What one step has to do for the matrices that Muon steps, batch by batch.
struct MuonStep {
    /// The stages of a batch. `pass` counts the Newton-Schulz steps.
    enum Stage: Equatable {
        /// The momentum, and what is to be orthogonalized with its norm.
        case momentum
        /// X ← X / ‖X‖.
        case normalize
        /// G = XXᵀ.
        case gram(pass: Int)
        /// P = b·G + c·G².
        case polynomial(pass: Int)
        /// X′ = a·X + P·X.
        case product(pass: Int)
        /// The parameters.
        case apply
    }

    struct Member {
        let matrix: MatrixTable.Matrix
        /// Index of the scalars in the plan.
        let scalars: Int
        let passes: Int
        let coefficients: (a: Float, b: Float, c: Float)
        /// In the working precision.
        let stepSize: Double
        let eps: Float
        var divisor: Float = 1

        /// Where X lies before a Newton-Schulz step, and after it.
        func places(pass: Int) -> (from: Int, to: Int) {
            pass % 2 == 0 ? (matrix.update, matrix.next) : (matrix.next, matrix.update)
        }
    }

    struct Batch {
        /// Of `members`.
        let members: Range<Int>
        /// Newton-Schulz steps of the member that has the most.
        let passes: Int
        /// First tile of each member, and the number of all at the end, by kind of tile.
        let stripes: [Int]
        let squares: [Int]
        let products: [Int]

        func tileCount(of stage: Stage) -> Int {
            let starts = starts(of: stage)
            return starts[starts.count - 1]
        }

        /// The member that a tile belongs to, and the tile's number there.
        func place(ofTile tile: Int, _ stage: Stage) -> (member: Int, tile: Int) {
            let starts = starts(of: stage)
            let index = starts.partitionPoint { $0 > tile } - 1
            return (members.lowerBound + index, tile - starts[index])
        }

        private func starts(of stage: Stage) -> [Int] {
            switch stage {
            case .momentum, .normalize, .apply: stripes
            case .gram, .polynomial: squares
            case .product: products
            }
        }

        func stage(after stage: Stage) -> Stage? {
            switch stage {
            case .momentum: .normalize
            case .normalize: passes > 0 ? .gram(pass: 0) : .apply
            case .gram(let pass): .polynomial(pass: pass)
            case .polynomial(let pass): .product(pass: pass)
            case .product(let pass): pass + 1 < passes ? .gram(pass: pass + 1) : .apply
            case .apply: nil
            }
        }
    }

    var members: [Member] = []
    private(set) var batches: [Batch] = []

    /// Norm blocks of one stripe of a matrix, which are as many elements as a tile of a plain step.
    static let stripeBlocks = StepPass.tileElements / Kernels.normBlock

    init(_ plan: StepPlan, _ optimizer: FlatOptimizer, _ hyperparameters: [Hyperparameters]) {
        guard !plan.muon.isEmpty else { return }
        let table = optimizer.matrices
        var rest = plan.muon[...]
        for batch in table.batches {
            let first = members.count
            for matrix in table.matrices[batch] where rest.first?.slot == matrix.slot {
                let hyper = hyperparameters[optimizer.table.groupOfSlot[matrix.slot]]
                members.append(
                    Member(matrix, hyper, scalars: rest.removeFirst().scalars, optimizer.working))
            }
            if first < members.count { batches.append(Batch(first..<members.count, of: members)) }
        }
    }
}

extension MuonStep.Member {
    init(
        _ matrix: MatrixTable.Matrix, _ hyper: Hyperparameters, scalars: Int,
        _ working: ElementType
    ) {
        self.matrix = matrix
        self.scalars = scalars
        passes = Int(hyper.nsSteps)
        let polynomial = hyper.nsCoefficients
        coefficients = (Float(polynomial.a), Float(polynomial.b), Float(polynomial.c))
        let ratio = hyper.adjustLrFn.ratio(rows: matrix.rows, columns: matrix.columns)
        stepSize = working.narrowed(hyper.lr * ratio)
        eps = Float(hyper.eps)
    }
}

extension MuonStep.Batch {
    init(_ range: Range<Int>, of members: [MuonStep.Member]) {
        self.members = range
        passes = members[range].map(\.passes).max() ?? 0
        func starts(_ count: (MatrixTable.Matrix) -> Int) -> [Int] {
            var starts = [0]
            for member in members[range] { starts.append(starts.last! + count(member.matrix)) }
            return starts
        }
        func tiles(_ extent: Int) -> Int {
            (extent + Kernels.productTile - 1) / Kernels.productTile
        }
        let stripe = StepPass.tileElements
        stripes = starts { ($0.rows * $0.columns + stripe - 1) / stripe }
        // On and above the diagonal.
        squares = starts { tiles($0.side) * (tiles($0.side) + 1) / 2 }
        products = starts { tiles($0.rows) * tiles($0.columns) }
    }
}
