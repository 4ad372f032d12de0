/// Parameters that share hyperparameters. What is nil is inherited from the optimizer.
public struct ParameterGroup {
    public var name: String
    public var parameters: [Parameter]
    public var overrides: HyperparameterOverrides

    public init(
        _ name: String, _ parameters: [Parameter], lr: Double? = nil,
        betas: (Double, Double)? = nil, eps: Double? = nil, weightDecay: Double? = nil,
        amsgrad: Bool? = nil, maximize: Bool? = nil
    ) {
        self.name = name
        self.parameters = parameters
        overrides = HyperparameterOverrides(
            lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, amsgrad: amsgrad,
            maximize: maximize)
    }
}
