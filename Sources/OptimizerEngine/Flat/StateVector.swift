/// A vector that an optimizer keeps for its parameters, by its name in PyTorch: in the working
/// precision, over the whole layout.
package enum StateVector: String, Sendable, CaseIterable {
    case parameters
    case expAvg = "exp_avg"
    case expAvgSq = "exp_avg_sq"
    case maxExpAvgSq = "max_exp_avg_sq"
    case expInf = "exp_inf"
    case sum
    case squareAvg = "square_avg"
    case accDelta = "acc_delta"
    case momentumBuffer = "momentum_buffer"
    case gradAvg = "grad_avg"

    package static let moments = allCases.filter { $0 != .parameters }

    /// Which of the three memories holds it, the same under every rule that keeps it; nil for the
    /// parameters. Groups of different rules share the memories, each for its own slots.
    var place: Int? {
        switch self {
        case .parameters: nil
        case .expAvg, .sum, .squareAvg: 0
        case .expAvgSq, .expInf, .accDelta, .momentumBuffer: 1
        case .maxExpAvgSq, .gradAvg: 2
        }
    }
}

extension Hyperparameters {
    /// The vectors that the rule, with these options, keeps in the three memories.
    var moments: (StateVector?, StateVector?, StateVector?) {
        switch type {
        case .adam, .adamw: (.expAvg, .expAvgSq, amsgrad ? .maxExpAvgSq : nil)
        case .nadam, .radam, .lamb: (.expAvg, .expAvgSq, nil)
        case .adamax: (.expAvg, .expInf, nil)
        case .adagrad: (.sum, nil, nil)
        case .rmsprop:
            (.squareAvg, momentum > 0 ? .momentumBuffer : nil, centered ? .gradAvg : nil)
        case .adadelta: (.squareAvg, .accDelta, nil)
        case .sgd: (nil, momentum > 0 ? .momentumBuffer : nil, nil)
        case .lion: (.expAvg, nil, nil)
        case .muon: (nil, .momentumBuffer, nil)
        }
    }

    /// Whether the rule, with these options, keeps the vector.
    package func keeps(_ vector: StateVector) -> Bool {
        let moments = moments
        return vector == .parameters || moments.0 == vector || moments.1 == vector
            || moments.2 == vector
    }
}

/// How far one parameter has come.
package struct SlotProgress: Hashable, Sendable {
    /// Steps taken.
    package var step: Int
    /// NAdam's product of the momentum coefficients so far.
    package var muProduct: Double
    /// SGD's momentum begins with the first gradient that it sees: until then there is no buffer.
    package var hasMomentumBuffer: Bool

    package init(step: Int = 0, muProduct: Double = 1, hasMomentumBuffer: Bool = false) {
        self.step = step
        self.muProduct = muProduct
        self.hasMomentumBuffer = hasMomentumBuffer
    }

    /// The step count at which counting stops, far beyond where any β^t is zero.
    package static let maximumStep = 1 << 53

    static func next(_ step: Int) -> Int { min(step + 1, maximumStep) }

    /// What NAdam's product can be.
    package static let muProducts = 0.0...1

    /// After one more step under these hyperparameters.
    func next(_ hyper: Hyperparameters) -> SlotProgress {
        var next = self
        next.step = Self.next(step)
        if hyper.type == .nadam { next.muProduct *= hyper.mu(next.step) }
        if hyper.type == .sgd { next.hasMomentumBuffer = hyper.momentum > 0 }
        return next
    }
}

extension Hyperparameters {
    /// NAdam's momentum coefficient at step t (Dozat 2016, section 2.1, as PyTorch has it).
    func mu(_ t: Int) -> Double {
        beta1 * (1 - 0.5 * Kernels.power(0.96, Double(t) * momentumDecay))
    }
}
