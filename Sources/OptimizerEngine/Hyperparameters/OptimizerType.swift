/// Which update rule a group of parameters uses; raw values are the names on the wire. Formulas
/// and defaults are PyTorch's, of Lion and LAMB their authors'.
public enum OptimizerType: String, Sendable, CaseIterable {
    /// Kingma and Ba 2015, with coupled weight decay (added to the gradient).
    case adam
    /// Loshchilov and Hutter 2019: weight decay decoupled from the gradient.
    case adamw
    /// Adam with Nesterov's momentum (Dozat 2016).
    case nadam
    /// Adam whose variance is rectified (Liu and others 2020).
    case radam
    /// Adam with the infinity norm (Kingma and Ba 2015, section 7.1).
    case adamax
    /// Duchi, Hazan and Singer 2011.
    case adagrad
    /// Hinton 2012, lecture 6e; `centered` as in Graves 2013.
    case rmsprop
    /// Zeiler 2012.
    case adadelta
    /// Gradient descent, plain or with momentum (Sutskever and others 2013).
    case sgd
    /// The sign of an interpolated momentum (Chen and others 2023, algorithm 2).
    case lion
    /// Adam with a rate for each tensor after the norms of its values and of its update (You and
    /// others 2020, algorithm 2).
    case lamb
    /// Momentum, orthogonalized: of matrices alone (Jordan and others 2024).
    case muon

    /// The hyperparameters that the rule has, in the order in which they are written.
    public var options: [HyperparameterName] {
        switch self {
        case .adam, .adamw:
            [.lr, .betas, .eps, .weightDecay, .amsgrad, .maximize, .lrSchedule]
        case .nadam:
            [
                .lr, .betas, .eps, .weightDecay, .momentumDecay, .decoupledWeightDecay, .maximize,
                .lrSchedule,
            ]
        case .radam:
            [.lr, .betas, .eps, .weightDecay, .decoupledWeightDecay, .maximize, .lrSchedule]
        case .adamax, .lamb:
            [.lr, .betas, .eps, .weightDecay, .maximize, .lrSchedule]
        case .adagrad:
            [
                .lr, .lrDecay, .eps, .weightDecay, .initialAccumulatorValue, .maximize,
                .lrSchedule,
            ]
        case .rmsprop:
            [.lr, .alpha, .eps, .weightDecay, .momentum, .centered, .maximize, .lrSchedule]
        case .adadelta:
            [.lr, .rho, .eps, .weightDecay, .maximize, .lrSchedule]
        case .sgd:
            [.lr, .momentum, .dampening, .weightDecay, .nesterov, .maximize, .lrSchedule]
        case .lion:
            [.lr, .betas, .weightDecay, .maximize, .lrSchedule]
        case .muon:
            [
                .lr, .weightDecay, .momentum, .nesterov, .nsCoefficients, .eps, .nsSteps,
                .adjustLrFn, .maximize, .lrSchedule,
            ]
        }
    }

    /// What is used where nobody says otherwise.
    public var defaults: Hyperparameters {
        switch self {
        case .adam: Hyperparameters(bare: self, lr: 1e-3)
        case .adamw: Hyperparameters(bare: self, lr: 1e-3, weightDecay: 0.01)
        case .nadam: Hyperparameters(bare: self, lr: 2e-3)
        case .radam: Hyperparameters(bare: self, lr: 1e-3)
        case .adamax: Hyperparameters(bare: self, lr: 2e-3)
        case .adagrad: Hyperparameters(bare: self, lr: 1e-2, eps: 1e-10)
        case .rmsprop: Hyperparameters(bare: self, lr: 1e-2)
        case .adadelta: Hyperparameters(bare: self, lr: 1, eps: 1e-6)
        case .sgd: Hyperparameters(bare: self, lr: 1e-3)
        case .lion: Hyperparameters(bare: self, lr: 1e-4, beta2: 0.99)
        case .lamb: Hyperparameters(bare: self, lr: 1e-3, eps: 1e-6, weightDecay: 0.01)
        case .muon:
            Hyperparameters(
                bare: self, lr: 1e-3, eps: 1e-7, weightDecay: 0.1, momentum: 0.95, nesterov: true)
        }
    }
}

/// What a step does with a gradient that holds NaN or infinity, judged after `gradScale`.
public enum NonFinitePolicy: String, Sendable, CaseIterable {
    /// The step is refused; nothing changes.
    case reject
    /// The step is left out and reported as not applied; nothing changes.
    case skip
    /// The step is taken, as PyTorch does.
    case propagate
}

/// What a step does with a parameter that has no gradient.
public enum PartialPolicy: String, Sendable, CaseIterable {
    /// The step is refused; nothing changes.
    case error
    /// That parameter and its step count stay as they are, as in PyTorch.
    case skip
}
