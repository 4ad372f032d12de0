// Clipping by the norm of all gradients, as the kernels must compute it.

extension ReferenceOptimizer {
    /// Norm of several tensors' gradients: powers in Double, in blocks of 4096 elements counted
    /// from each tensor's start, each in sixteen running sums that are then added pairwise. Of the
    /// infinity norm the largest take the place of sums; a NaN stays.
    package static func norm(
        _ tensors: [[Real]], _ type: GradientNorm = .two, gradScale: Double = 1
    ) -> Double {
        func add(_ x: Double, to sum: inout Double) {
            sum = type == .infinity ? (sum > x || sum.isNaN ? sum : x) : sum + x
        }
        var total = 0.0
        for tensor in tensors {
            let scale = Real(gradScale)
            for start in stride(from: 0, to: tensor.count, by: 4096) {
                var sums = [Double](repeating: 0, count: 16)
                for i in start..<min(start + 4096, tensor.count) {
                    let x = Double(tensor[i] / scale).magnitude
                    let power =
                        switch type {
                        case .one, .infinity: x
                        case .two: x * x
                        case .three: x * x * x
                        }
                    add(power, to: &sums[(i - start) % 16])
                }
                for half in [8, 4, 2, 1] {
                    for j in 0..<half { add(sums[j + half], to: &sums[j]) }
                }
                add(sums[0], to: &total)
            }
        }
        return switch type {
        case .one, .infinity: total
        case .two: total.squareRoot()
        case .three: Kernels.power(total, 1.0 / 3)
        }
    }

    /// As `torch.nn.utils.clip_grad_norm_`: always at most 1, and NaN stays NaN.
    package static func clipCoefficient(norm: Double, maxNorm: Double) -> Double {
        let ratio = maxNorm / (norm + 1e-6)
        return ratio > 1 ? 1 : ratio
    }
}
