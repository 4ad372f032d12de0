import COptimizerKernels

extension opt_scalars {
    /// Everything that one step of one group needs besides the elements: folded in Double, as
    /// PyTorch does, each value narrowed once to the working precision.
    ///
    /// - Parameters:
    ///   - progress: as it is once the step has been counted.
    ///   - starts: whether SGD's momentum has no buffer yet.
    ///   - gradScale: narrowed already; 1 is none.
    init(
        _ hyper: Hyperparameters, _ progress: SlotProgress, starts: Bool, gradScale: Double,
        clipValue: Double?, working: ElementType
    ) {
        self.init()
        func narrowed(_ value: Double) -> Double { working.narrowed(value) }
        rule = hyper.type.rule
        maximize = hyper.maximize
        grad_scale = gradScale
        clip_coef = 1
        clip_value = clipValue.map(narrowed) ?? .infinity
        weight_decay = narrowed(hyper.decay.coupled)
        keep = narrowed(1 - hyper.lr * hyper.decay.decoupled)
        eps = narrowed(hyper.eps)
        step_size = narrowed(hyper.lr)
        beta1 = narrowed(hyper.beta1)
        w1 = narrowed(1 - hyper.beta1)
        beta2 = narrowed(hyper.beta2)
        w2 = narrowed(1 - hyper.beta2)
        momentum = narrowed(hyper.momentum)

        let t = progress.step
        switch hyper.type {
        case .adam, .adamw:
            step_size = narrowed(hyper.lr / hyper.bc1(t))
            root_bc2 = narrowed(hyper.bc2(t).squareRoot())
        case .nadam:
            let (mu, nextMu) = (hyper.mu(t), hyper.mu(t + 1))
            bc2 = narrowed(hyper.bc2(t))
            step_size = narrowed(hyper.lr * (1 - mu) / (1 - progress.muProduct))
            momentum_step_size = narrowed(hyper.lr * nextMu / (1 - progress.muProduct * nextMu))
        case .radam:
            bc1 = narrowed(hyper.bc1(t))
            root_bc2 = narrowed(hyper.bc2(t).squareRoot())
            if let rectification = hyper.rectification(t) {
                rectified = true
                rect = narrowed(rectification)
            }
        case .adamax:
            step_size = narrowed(hyper.lr / hyper.bc1(t))
        case .adagrad:
            step_size = narrowed(hyper.lr / (1 + Double(t - 1) * hyper.lrDecay))
        case .rmsprop:
            (beta2, w2) = (narrowed(hyper.alpha), narrowed(1 - hyper.alpha))
            w1 = w2
        case .adadelta:
            (beta2, w2) = (narrowed(hyper.rho), narrowed(1 - hyper.rho))
        case .sgd:
            w1 = narrowed(1 - hyper.dampening)
            nesterov = hyper.nesterov
            self.starts = starts
        case .lamb:
            bc1 = narrowed(hyper.bc1(t))
            bc2 = narrowed(hyper.bc2(t))
        case .muon:
            w1 = narrowed(1 - hyper.momentum)
            nesterov = hyper.nesterov
        case .lion:
            break
        }
    }
}

extension Hyperparameters {
    /// The bias corrections of the moments after t steps.
    func bc1(_ t: Int) -> Double { 1 - Kernels.power(beta1, t) }
    func bc2(_ t: Int) -> Double { 1 - Kernels.power(beta2, t) }

    /// RAdam's factor at step t; nil while the variance is intractable (Liu and others 2020,
    /// algorithm 2, with PyTorch's bound of 5).
    func rectification(_ t: Int) -> Double? {
        let longest = 2 / (1 - beta2) - 1
        let length = longest - 2 * Double(t) * Kernels.power(beta2, t) / bc2(t)
        guard length > 5 else { return nil }
        let ratio = (length - 4) * (length - 2) * longest
            / ((longest - 4) * (longest - 2) * length)
        return ratio.squareRoot()
    }
}

extension OptimizerType {
    var rule: opt_rule {
        switch self {
        case .adam, .adamw: OPT_ADAM
        case .nadam: OPT_NADAM
        case .radam: OPT_RADAM
        case .adamax: OPT_ADAMAX
        case .adagrad: OPT_ADAGRAD
        case .rmsprop: OPT_RMSPROP
        case .adadelta: OPT_ADADELTA
        case .sgd: OPT_SGD
        case .lion: OPT_LION
        case .lamb: OPT_LAMB
        case .muon: OPT_MUON
        }
    }
}
