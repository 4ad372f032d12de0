/// Parameters that share hyperparameters. What is not set is inherited from the optimizer.
public struct ParameterGroup {
    public var name: String
    public var parameters: [Parameter]
    public var overrides: HyperparameterOverrides

    public init(
        _ name: String, _ parameters: [Parameter],
        _ overrides: HyperparameterOverrides = HyperparameterOverrides()
    ) {
        self.name = name
        self.parameters = parameters
        self.overrides = overrides
    }

    /// A group of Adam's or AdamW's.
    public init(
        _ name: String, _ parameters: [Parameter], lr: Double? = nil,
        betas: (Double, Double)? = nil, eps: Double? = nil, weightDecay: Double? = nil,
        amsgrad: Bool? = nil, maximize: Bool? = nil
    ) {
        self.init(
            name, parameters,
            HyperparameterOverrides(
                lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, amsgrad: amsgrad,
                maximize: maximize))
    }
}

/// What an optimizer is made of: parameters, or groups of them.
public protocol ParameterGroupElement {
    static func groups(of elements: [Self]) -> [ParameterGroup]
}

extension Parameter: ParameterGroupElement {
    public static func groups(of elements: [Parameter]) -> [ParameterGroup] {
        [ParameterGroup(GroupTable.defaultName, elements)]
    }
}

extension ParameterGroup: ParameterGroupElement {
    public static func groups(of elements: [ParameterGroup]) -> [ParameterGroup] { elements }
}
