/// Which update rule a run uses; raw values are the names on the wire.
public enum OptimizerType: String, Sendable, CaseIterable {
    /// Kingma and Ba 2015, with coupled weight decay (added to the gradient).
    case adam
    /// Loshchilov and Hutter 2019: weight decay decoupled from the gradient.
    case adamw

    public var defaultWeightDecay: Double { self == .adamw ? 0.01 : 0 }
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
