import OptimizerEngine
import TensorFormats

/// Everything about a session that is not a tensor.
package struct SessionSettings: Equatable, Sendable {
    /// Groups that a session may have.
    package static let groupLimit = ResolvedSettings.groupLimit

    /// The optimizer's type, and what groups inherit.
    package var defaults: Hyperparameters
    /// As written: tensors that no group names belong to the group `default`.
    package var groups: [GroupSettings]
    package var policy: StepPolicy

    package init(
        defaults: Hyperparameters = Hyperparameters(),
        groups: [GroupSettings] = [], maxGradNorm: Double? = nil,
        nonfinite: NonFinitePolicy = .reject
    ) {
        policy = StepPolicy(maxGradNorm: maxGradNorm, nonfinite: nonfinite)
        self.defaults = defaults
        self.groups = groups
    }
}

package struct GroupSettings: Equatable, Sendable {
    package var name: String
    /// Names of tensors.
    package var params: [String]
    package var overrides: HyperparameterOverrides

    package init(
        name: String, params: [String],
        overrides: HyperparameterOverrides = HyperparameterOverrides()
    ) {
        self.name = name
        self.params = params
        self.overrides = overrides
    }
}

/// A creation: settings, layout and the initial parameters.
package struct SessionSpecification: Sendable {
    package var settings: SessionSettings
    package var durability: Durability = .none
    /// How many steps back the session can be rebuilt; nil leaves it to the service.
    package var retainSteps: Int?
    /// All tensors have one dtype: F32, F64, F16 or BF16.
    package var layout: TensorLayout
    /// One place a tensor, in layout order, in the layout's dtype or its working precision.
    package var parameters: [TensorPlace]

    package init(settings: SessionSettings, layout: TensorLayout, parameters: [TensorPlace]) {
        self.settings = settings
        self.layout = layout
        self.parameters = parameters
    }
}

/// A change of hyperparameters; what is nil stays.
package struct SessionPatch: Sendable {
    package var defaults = HyperparameterOverrides()
    /// Merged into what the groups override already; groups not named stay.
    package var groups: [(name: String, overrides: HyperparameterOverrides)] = []
    package var policy = StepPolicyPatch()

    package init() {}
}
