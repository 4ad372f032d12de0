// Muon as plain loops over a matrix, row by row.

extension ReferenceOptimizer {
    /// - Parameter gradients: after scale, clipping and sign.
    mutating func muon(_ gradients: [Real]) {
        let (rows, columns) = (shape[0], shape[1])
        guard !parameters.isEmpty else { return }
        var update = [Float](repeating: 0, count: parameters.count)
        for i in parameters.indices {
            let g = gradients[i]
            // m ← lerp(m, g, 1 − μ); with Nesterov's momentum the update is lerp(g, m, μ).
            let m = lerp(.momentumBuffer, i, g, hyper.momentum)
            update[i] = Float(hyper.nesterov ? between(g, m, Real(hyper.momentum)) : m)
        }
        update = orthogonalized(update, rows, columns)
        let keep = Real(1 - hyper.lr * hyper.weightDecay)
        let rate = hyper.lr * hyper.adjustLrFn.ratio(rows: rows, columns: columns)
        for i in parameters.indices {
            parameters[i] = parameters[i] * keep + Real(update[i]) * Real(-rate)
        }
    }

    /// Some Newton-Schulz steps, in F32: the singular values go to about 1.
    private func orthogonalized(_ matrix: [Float], _ rows: Int, _ columns: Int) -> [Float] {
        let side = min(rows, columns)
        let (a, b, c) = (
            Float(hyper.nsCoefficients.a), Float(hyper.nsCoefficients.b),
            Float(hyper.nsCoefficients.c)
        )
        // X ← X / max(‖X‖, ε).
        let norm = Float(ReferenceOptimizer<Float>.norm([matrix]))
        let divisor = norm < Float(hyper.eps) ? Float(hyper.eps) : norm
        var x = matrix.map { $0 / divisor }
        for _ in 0..<Int(hyper.nsSteps) {
            // G = XXᵀ, of a tall matrix XᵀX.
            let gram = product(side, side, max(rows, columns)) { i, j, k in
                rows > columns
                    ? x[k * columns + i] * x[k * columns + j]
                    : x[i * columns + k] * x[j * columns + k]
            }
            // P = b·G + c·G².
            let square = product(side, side, side) { gram[$0 * side + $2] * gram[$1 * side + $2] }
            let p = gram.indices.map { c * square[$0] + b * gram[$0] }
            // X ← a·X + P·X, of a tall matrix a·X + X·P.
            let step = product(rows, columns, side) { i, j, k in
                rows > columns
                    ? x[i * columns + k] * p[k * side + j] : p[i * side + k] * x[k * columns + j]
            }
            x = x.indices.map { step[$0] + a * x[$0] }
        }
        return x
    }

    /// Sums over k in blocks of 256.
    private func product(
        _ rows: Int, _ columns: Int, _ depth: Int, _ term: (Int, Int, Int) -> Float
    ) -> [Float] {
        var result: [Float] = []
        for i in 0..<rows {
            for j in 0..<columns {
                var sum: Float = 0
                for start in stride(from: 0, to: depth, by: 256) {
                    var block: Float = 0
                    for k in start..<min(start + 256, depth) { block = block + term(i, j, k) }
                    sum = sum + block
                }
                result.append(sum)
            }
        }
        return result
    }
}
