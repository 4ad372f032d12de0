/// Every rule as a slow, obvious loop: what the kernels must equal bit for bit, on any CPU.
///
/// `Real` is Float or Double, the working precision. The formulas are those of `torch.optim` on
/// the CPU without fused multiply-add (Adam's and AdamW's those of `fused=True`), Lion's and LAMB's
/// those of their papers. The parameters are one tensor.
package struct ReferenceOptimizer<Real: BinaryFloatingPoint & Sendable>: Sendable {
    package var hyper: Hyperparameters
    package var parameters: [Real]
    /// What Muon needs to know.
    package let shape: [Int]
    /// Those that the rule keeps, by name.
    package var moments: [StateVector: [Real]] = [:]
    package var steps = 0
    /// NAdam's product of momentum coefficients.
    package var muProduct = 1.0

    package init(_ hyper: Hyperparameters, parameters: [Real], shape: [Int]? = nil) {
        self.hyper = hyper
        self.shape = shape ?? [parameters.count]
        self.parameters = parameters
        let zeros = [Real](repeating: 0, count: parameters.count)
        for vector in StateVector.moments where hyper.keeps(vector) { moments[vector] = zeros }
        if hyper.type == .adagrad {
            moments[.sum] = zeros.map { _ in Real(hyper.initialAccumulatorValue) }
        }
    }

    package mutating func step(
        _ gradients: [Real], gradScale: Double = 1, clipCoef: Double = 1,
        clipValue: Double? = nil
    ) {
        steps += 1
        if hyper.type == .nadam { muProduct *= mu(steps) }
        if hyper.type == .lamb {
            return lamb(gradients.map { prepared($0, gradScale, clipCoef, clipValue) })
        }
        if hyper.type == .muon {
            return muon(gradients.map { prepared($0, gradScale, clipCoef, clipValue) })
        }
        let decay = Real(hyper.weightDecay)
        let keep = Real(1 - hyper.lr * hyper.weightDecay)
        for i in parameters.indices {
            var g = prepared(gradients[i], gradScale, clipCoef, clipValue)
            // Decay: coupled into the gradient, or shrinking the parameter.
            if hyper.weightDecay != 0 {
                if isDecoupled {
                    parameters[i] = parameters[i] * keep
                } else {
                    g = g + parameters[i] * decay
                }
            }
            update(i, g)
        }
    }

    private func prepared(
        _ gradient: Real, _ gradScale: Double, _ clipCoef: Double, _ clipValue: Double?
    ) -> Real {
        // The loss scale comes off first.
        var g = gradient / Real(gradScale)
        // Clipping by the norm of all gradients.
        g = g * Real(clipCoef)
        // Clipping by value; a NaN stays, as in `torch.clamp`.
        if let clipValue {
            let bound = Real(clipValue)
            g = g > bound ? bound : g < -bound ? -bound : g
        }
        // Ascent is descent of the negative.
        return hyper.maximize ? -g : g
    }

    private var isDecoupled: Bool {
        switch hyper.type {
        case .adamw, .lion: true
        case .nadam, .radam: hyper.decoupledWeightDecay
        default: false
        }
    }

    private mutating func update(_ i: Int, _ g: Real) {
        switch hyper.type {
        case .adam, .adamw: adam(i, g)
        case .nadam: nadam(i, g)
        case .radam: radam(i, g)
        case .adamax: adamax(i, g)
        case .adagrad: adagrad(i, g)
        case .rmsprop: rmsprop(i, g)
        case .adadelta: adadelta(i, g)
        case .sgd: sgd(i, g)
        case .lion: lion(i, g)
        case .lamb, .muon: break  // of whole tensors, in `step`
        }
    }
}

// What the formulas have in common. Bias corrections and step sizes are computed in Double, and
// each is narrowed once.

extension ReferenceOptimizer {
    var lr: Double { hyper.lr }
    var eps: Real { Real(hyper.eps) }
    var beta1: Double { hyper.betas.0 }
    var beta2: Double { hyper.betas.1 }
    var bc1: Double { 1 - Kernels.power(beta1, steps) }
    var bc2: Double { 1 - Kernels.power(beta2, steps) }

    /// m ← lerp(m, g, 1 − β), from the nearer end.
    mutating func lerp(_ vector: StateVector, _ i: Int, _ g: Real, _ beta: Double) -> Real {
        let result = between(moments[vector]![i], g, Real(1 - beta))
        moments[vector]![i] = result
        return result
    }

    /// From a to b by a weight, from the nearer end, as `torch.lerp`.
    func between(_ a: Real, _ b: Real, _ weight: Real) -> Real {
        weight.magnitude < 0.5 ? a + weight * (b - a) : b - (b - a) * (1 - weight)
    }

    /// v ← β·v + (1 − β)·x².
    mutating func meanSquare(_ vector: StateVector, _ i: Int, _ x: Real, _ beta: Double) -> Real {
        let v = moments[vector]![i] * Real(beta) + (Real(1 - beta) * x) * x
        moments[vector]![i] = v
        return v
    }

    /// The larger; a NaN on either side stays, as in `torch.maximum`.
    func maximum(_ a: Real, _ b: Real) -> Real { a > b || a.isNaN ? a : b }

    /// NAdam's μ at step t.
    func mu(_ t: Int) -> Double {
        beta1 * (1 - 0.5 * Kernels.power(0.96, Double(t) * hyper.momentumDecay))
    }
}
