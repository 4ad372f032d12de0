// The rules, one line of the formula at a time.

extension ReferenceOptimizer {
    mutating func adam(_ i: Int, _ g: Real) {
        let m = lerp(.expAvg, i, g, beta1)
        var v = meanSquare(.expAvgSq, i, g, beta2)
        if hyper.amsgrad {
            // The largest v so far (Reddi et al. 2018, Algorithm 2).
            v = maximum(moments[.maxExpAvgSq]![i], v)
            moments[.maxExpAvgSq]![i] = v
        }
        // d = √v / √bc2 + ε.
        let d = v.squareRoot() / Real(bc2.squareRoot()) + eps
        // p ← p − lr/bc1·m / d.
        parameters[i] = parameters[i] + (m * Real(-(lr / bc1))) / d
    }

    mutating func nadam(_ i: Int, _ g: Real) {
        let m = lerp(.expAvg, i, g, beta1)
        let v = meanSquare(.expAvgSq, i, g, beta2)
        // d = √(v / bc2) + ε.
        let d = (v / Real(bc2)).squareRoot() + eps
        let (now, next) = (mu(steps), mu(steps + 1))
        // p ← p − lr·(1 − μ)/(1 − Πμ)·g / d − lr·μ′/(1 − Πμ·μ′)·m / d,
        // μ′ being the next step's μ.
        var p = parameters[i]
        p = p + (g * Real(-lr * (1 - now) / (1 - muProduct))) / d
        p = p + (m * Real(-lr * next / (1 - muProduct * next))) / d
        parameters[i] = p
    }

    mutating func radam(_ i: Int, _ g: Real) {
        let m = lerp(.expAvg, i, g, beta1)
        let v = meanSquare(.expAvgSq, i, g, beta2)
        var update = m / Real(bc1) * Real(lr)
        // The length of the simple moving average, and its limit.
        let limit = 2 / (1 - beta2) - 1
        let length = limit - 2 * Double(steps) * Kernels.power(beta2, steps) / bc2
        if length > 5 {
            let ratio = (length - 4) * (length - 2) * limit
                / ((limit - 4) * (limit - 2) * length)
            // Torch divides a number by a tensor as the tensor's reciprocal times the number.
            let adaptive = 1 / (v.squareRoot() + eps) * Real(bc2.squareRoot())
            update = update * adaptive * Real(ratio.squareRoot())
        }
        parameters[i] = parameters[i] - update
    }

    mutating func adamax(_ i: Int, _ g: Real) {
        let m = lerp(.expAvg, i, g, beta1)
        // u ← max(β2·u, |g| + ε).
        let u = maximum(moments[.expInf]![i] * Real(beta2), g.magnitude + eps)
        moments[.expInf]![i] = u
        parameters[i] = parameters[i] + (m * Real(-(lr / bc1))) / u
    }

    mutating func adagrad(_ i: Int, _ g: Real) {
        let sum = moments[.sum]![i] + g * g
        moments[.sum]![i] = sum
        let rate = lr / (1 + Double(steps - 1) * hyper.lrDecay)
        parameters[i] = parameters[i] + (g * Real(-rate)) / (sum.squareRoot() + eps)
    }

    mutating func rmsprop(_ i: Int, _ g: Real) {
        var v = meanSquare(.squareAvg, i, g, hyper.alpha)
        if hyper.centered {
            let mean = lerp(.gradAvg, i, g, hyper.alpha)
            v = v - mean * mean
        }
        let d = v.squareRoot() + eps
        if hyper.momentum > 0 {
            let buffer = moments[.momentumBuffer]![i] * Real(hyper.momentum) + g / d
            moments[.momentumBuffer]![i] = buffer
            parameters[i] = parameters[i] + buffer * Real(-lr)
        } else {
            parameters[i] = parameters[i] + (g * Real(-lr)) / d
        }
    }

    mutating func adadelta(_ i: Int, _ g: Real) {
        let v = meanSquare(.squareAvg, i, g, hyper.rho)
        // Δ = √(u + ε) / √(v + ε) · g, u being the mean of the squares of the Δ before.
        let delta = (moments[.accDelta]![i] + eps).squareRoot() / (v + eps).squareRoot() * g
        _ = meanSquare(.accDelta, i, delta, hyper.rho)
        parameters[i] = parameters[i] + delta * Real(-lr)
    }

    mutating func sgd(_ i: Int, _ g: Real) {
        var update = g
        if hyper.momentum > 0 {
            let momentum = Real(hyper.momentum)
            // The first buffer is the gradient itself.
            let buffer = steps == 1
                ? g : moments[.momentumBuffer]![i] * momentum + g * Real(1 - hyper.dampening)
            moments[.momentumBuffer]![i] = buffer
            update = hyper.nesterov ? g + buffer * momentum : buffer
        }
        parameters[i] = parameters[i] + update * Real(-lr)
    }

    mutating func lion(_ i: Int, _ g: Real) {
        let m = moments[.expAvg]![i]
        let blend = m * Real(beta1) + g * Real(1 - beta1)
        let sign: Real = blend > 0 ? 1 : blend < 0 ? -1 : 0
        parameters[i] = parameters[i] + sign * Real(-lr)
        moments[.expAvg]![i] = m * Real(beta2) + g * Real(1 - beta2)
    }
}

extension ReferenceOptimizer {
    /// Whole tensors: the parameters move by a rate that their norm and the update's decide.
    /// - Parameter gradients: after scale, clipping and sign.
    mutating func lamb(_ gradients: [Real]) {
        var update = parameters
        for i in parameters.indices {
            let g = gradients[i]
            let m = lerp(.expAvg, i, g, beta1)
            let v = meanSquare(.expAvgSq, i, g, beta2)
            // u = (m / bc1) / (√(v / bc2) + ε) + λ·p.
            update[i] = (m / Real(bc1)) / ((v / Real(bc2)).squareRoot() + eps)
            if hyper.weightDecay != 0 {
                update[i] = update[i] + parameters[i] * Real(hyper.weightDecay)
            }
        }
        // p ← p − lr · ‖p‖ / ‖u‖ · u, the ratio being 1 where a norm is zero.
        let (size, length) = (Self.norm([parameters]), Self.norm([update]))
        let ratio = size > 0 && length > 0 ? size / length : 1
        for i in parameters.indices {
            parameters[i] = parameters[i] + update[i] * Real(-(lr * ratio))
        }
    }
}
