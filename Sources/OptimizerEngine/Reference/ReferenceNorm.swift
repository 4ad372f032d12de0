// Clipping by the norm of all gradients, as the kernels must compute it.

extension ReferenceOptimizer {
    /// Norm of several tensors' gradients: squares in Double, in blocks of 4096 elements counted
    /// from each tensor's start, each in sixteen running sums that are then added pairwise.
    package static func norm(_ tensors: [[Real]], gradScale: Double = 1) -> Double {
        var total = 0.0
        for tensor in tensors {
            let scale = Real(gradScale)
            for start in stride(from: 0, to: tensor.count, by: 4096) {
                var sums = [Double](repeating: 0, count: 16)
                for i in start..<min(start + 4096, tensor.count) {
                    let x = Double(tensor[i] / scale)
                    sums[(i - start) % 16] += x * x
                }
                for half in [8, 4, 2, 1] {
                    for j in 0..<half { sums[j] += sums[j + half] }
                }
                total += sums[0]
            }
        }
        return total.squareRoot()
    }

    /// As `torch.nn.utils.clip_grad_norm_`: always at most 1, and NaN stays NaN.
    package static func clipCoefficient(norm: Double, maxNorm: Double) -> Double {
        let ratio = maxNorm / (norm + 1e-6)
        return ratio > 1 ? 1 : ratio
    }
}
