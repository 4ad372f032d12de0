import COptimizerKernels

// Muon: the momentum of a matrix is orthogonalized by some Newton-Schulz steps in F32, and the
// parameters move along the result (Jordan and others 2024). Every sum has a fixed order, so the
// bits depend neither on tiles nor on the instruction set.

extension StepPass {
    func runMuon(batch: Int, _ stage: MuonStep.Stage, tile: Int) {
        let (index, tile) = muon.batches[batch].place(ofTile: tile, stage)
        let member = muon.members[index]
        switch stage {
        case .momentum: stepMomentum(of: member, stripe: tile)
        case .normalize: normalize(member, stripe: tile)
        case .gram(let pass) where pass < member.passes:
            multiply(square: tile, gram(member, pass))
        case .polynomial(let pass) where pass < member.passes:
            multiply(square: tile, polynomial(member))
        case .product(let pass) where pass < member.passes:
            multiply(tile: tile, product(member, pass))
        case .gram, .polynomial, .product: break
        case .apply: apply(member, stripe: tile)
        }
    }

    /// Works out what the matrices of a batch are divided by.
    func measureMatrices(ofBatch batch: Int) {
        for index in muon.batches[batch].members {
            let slot = muon.members[index].matrix.slot
            var sum = 0.0
            for block in optimizer.blockStarts[slot]..<optimizer.blockStarts[slot + 1] {
                sum += matrixSums?[block] ?? 0
            }
            let (norm, eps) = (Float(sum.squareRoot()), muon.members[index].eps)
            // A NaN stays one, as in torch.clamp.
            muon.members[index].divisor = norm < eps ? eps : norm
        }
    }

    /// From an offset of the workspace on.
    private func place(_ offset: Int) -> UnsafeMutablePointer<Float> {
        guard let workspace = optimizer.workspace else {
            preconditionFailure("an optimizer with matrices has a workspace")
        }
        return workspace.base.assumingMemoryBound(to: Float.self) + offset
    }

    // MARK: Stripes

    private func elements(ofStripe stripe: Int, _ matrix: MatrixTable.Matrix) -> Range<Int> {
        Self.elements(ofTile: stripe, of: matrix.rows * matrix.columns)
    }

    private func stepMomentum(of member: MuonStep.Member, stripe: Int) {
        let slot = member.matrix.slot
        let first = optimizer.blockStarts[slot] + stripe * MuonStep.stripeBlocks
        let end = min(first + MuonStep.stripeBlocks, optimizer.blockStarts[slot + 1])
        for block in first..<end {
            guard let (gradient, type, count) = gradient(ofBlock: block, slot: slot)
            else { continue }
            let element = (block - optimizer.blockStarts[slot]) * Kernels.normBlock
            let update = place(member.matrix.update + element)
            let memory = memory(
                at: optimizer.offsets[slot] + element, gradient: gradient, type, member.scalars)
            plan.withScalars(member.scalars) {
                optimizer.kernels.muonMomentum(
                    optimizer.working, $0, memory, update: update, count: count)
            }
            matrixSums?[block] = optimizer.kernels.sumOfSquares(update, .f32, count: count)
        }
    }

    private func normalize(_ member: MuonStep.Member, stripe: Int) {
        let elements = elements(ofStripe: stripe, member.matrix)
        let update = place(member.matrix.update + elements.lowerBound)
        optimizer.kernels.divide(
            update, by: Double(member.divisor), to: update, .f32, count: elements.count)
    }

    private func apply(_ member: MuonStep.Member, stripe: Int) {
        let elements = elements(ofStripe: stripe, member.matrix)
        let start = optimizer.offsets[member.matrix.slot]
        let update = place(member.places(pass: member.passes).from + elements.lowerBound)
        // There is no gradient in this stage; any address does.
        let memory = memory(
            at: start + elements.lowerBound,
            gradient: UnsafeRawPointer(optimizer.parametersAddress), optimizer.working,
            member.scalars)
        plan.withScalars(member.scalars) {
            optimizer.kernels.muonApply(
                optimizer.working, $0, memory, update: update, stepSize: member.stepSize,
                count: elements.count)
        }
        if let output {
            let range = start + elements.lowerBound..<start + elements.upperBound
            optimizer.copyParameters(range, to: output)
        }
    }

    // MARK: Products

    /// Of a tall matrix G is XᵀX: the square of the shorter side.
    private func gram(_ member: MuonStep.Member, _ pass: Int) -> opt_product {
        let matrix = member.matrix
        let x = place(member.places(pass: pass).from)
        let lanes =
            matrix.isTall
            ? opt_operand(base: x, lane_stride: 1, depth_stride: matrix.columns)
            : opt_operand(base: x, lane_stride: matrix.columns, depth_stride: 1)
        return opt_product(
            a: lanes, b: lanes, rows: matrix.side, columns: matrix.side,
            depth: max(matrix.rows, matrix.columns), alpha: 1, beta: 0, d: nil,
            c: place(matrix.gram), is_symmetric: true)
    }

    private func polynomial(_ member: MuonStep.Member) -> opt_product {
        let (matrix, coefficients) = (member.matrix, member.coefficients)
        let gram = place(matrix.gram)
        let lanes = opt_operand(base: gram, lane_stride: matrix.side, depth_stride: 1)
        return opt_product(
            a: lanes, b: lanes, rows: matrix.side, columns: matrix.side, depth: matrix.side,
            alpha: coefficients.c, beta: coefficients.b, d: gram, c: place(matrix.polynomial),
            is_symmetric: true)
    }

    /// Of a tall matrix a·X + X·P.
    private func product(_ member: MuonStep.Member, _ pass: Int) -> opt_product {
        let matrix = member.matrix
        let (from, to) = member.places(pass: pass)
        let x = place(from)
        let square = opt_operand(
            base: place(matrix.polynomial), lane_stride: matrix.side, depth_stride: 1)
        let rows = opt_operand(base: x, lane_stride: matrix.columns, depth_stride: 1)
        let columns = opt_operand(base: x, lane_stride: 1, depth_stride: matrix.columns)
        return opt_product(
            a: matrix.isTall ? rows : square, b: matrix.isTall ? square : columns,
            rows: matrix.rows, columns: matrix.columns, depth: matrix.side, alpha: 1,
            beta: member.coefficients.a, d: x, c: place(to), is_symmetric: false)
    }

    private func multiply(tile: Int, _ product: opt_product) {
        let size = Kernels.productTile
        let across = (product.columns + size - 1) / size
        optimizer.kernels.productTile(
            product, row: tile / across * size, column: tile % across * size)
    }

    /// The tiles on and above the diagonal are counted row by row.
    private func multiply(square tile: Int, _ product: opt_product) {
        let size = Kernels.productTile
        var (row, rest, length) = (0, tile, (product.rows + size - 1) / size)
        while rest >= length {
            rest -= length
            row += 1
            length -= 1
        }
        optimizer.kernels.productTile(product, row: row * size, column: (row + rest) * size)
    }
}
