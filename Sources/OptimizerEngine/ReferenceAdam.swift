/// Adam as a slow, obvious loop: what the kernels must equal bit for bit, on any CPU.
///
/// `Real` is Float or Double, the working precision. The formula is that of
/// `torch.optim.Adam(fused=True)` and `AdamW`, without fused multiply-add.
package struct ReferenceAdam<Real: BinaryFloatingPoint & Sendable>: Sendable {
    package let type: OptimizerType
    package var hyper: Hyperparameters
    package var parameters: [Real]
    package var expAvg: [Real]
    package var expAvgSq: [Real]
    package var maxExpAvgSq: [Real]
    package var steps = 0

    package init(_ type: OptimizerType, _ hyper: Hyperparameters, parameters: [Real]) {
        self.type = type
        self.hyper = hyper
        self.parameters = parameters
        expAvg = Array(repeating: 0, count: parameters.count)
        expAvgSq = expAvg
        maxExpAvgSq = expAvg
    }

    package mutating func step(_ gradients: [Real], gradScale: Double = 1, clipCoef: Double = 1) {
        steps += 1
        // Bias corrections and step size in Double; each value is narrowed once.
        let bc1 = 1 - Kernels.power(hyper.betas.0, steps)
        let bc2 = 1 - Kernels.power(hyper.betas.1, steps)
        let stepSize = hyper.lr / bc1
        let rootBC2 = Real(bc2.squareRoot())
        let w1 = Real(1 - hyper.betas.0)
        let w2 = Real(1 - hyper.betas.1)
        let decay = Real(hyper.weightDecay)
        let keep = Real(1 - hyper.lr * hyper.weightDecay)
        let beta2 = Real(hyper.betas.1)
        let eps = Real(hyper.eps)
        let negStepSize = Real(-stepSize)
        let scale = Real(gradScale)
        let coefficient = Real(clipCoef)

        for i in parameters.indices {
            var p = parameters[i]
            // The loss scale comes off first.
            var g = gradients[i] / scale
            // Clipping by the norm of all gradients.
            g = g * coefficient
            // Ascent is descent of the negative.
            if hyper.maximize { g = -g }
            // Decay: coupled into the gradient (Adam), or shrinking the parameter (AdamW).
            if hyper.weightDecay != 0 {
                switch type {
                case .adam: g = g + p * decay
                case .adamw: p = p * keep
                }
            }
            // m ← lerp(m, g, 1 − β1), from the nearer end.
            let m = w1 < 0.5 ? expAvg[i] + w1 * (g - expAvg[i]) : g - (g - expAvg[i]) * (1 - w1)
            // v ← β2·v + (1 − β2)·g².
            let v = expAvgSq[i] * beta2 + (w2 * g) * g
            var bound = v
            if hyper.amsgrad {
                // The largest v so far (Reddi et al. 2018, Algorithm 2); a NaN stays.
                let largest = maxExpAvgSq[i]
                bound = largest > v || largest.isNaN ? largest : v
                maxExpAvgSq[i] = bound
            }
            // d = √v / √bc2 + ε.
            let d = bound.squareRoot() / rootBC2 + eps
            // p ← p − step_size·m / d.
            parameters[i] = p + (m * negStepSize) / d
            expAvg[i] = m
            expAvgSq[i] = v
        }
    }

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
