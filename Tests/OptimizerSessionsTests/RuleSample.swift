import OptimizerEngine
import Testing

/// An optimizer, and what a group beside the default one sets for itself.
struct RuleSample: Sendable, CustomTestStringConvertible {
    let defaults: Hyperparameters
    let other: HyperparameterOverrides

    init(_ defaults: Hyperparameters, _ other: HyperparameterOverrides = .init(lr: 1e-7)) {
        self.defaults = defaults
        self.other = other
    }

    /// Every rule as it is, with all that it can keep, and beside other rules.
    static let all: [RuleSample] =
        OptimizerType.allCases.map { RuleSample($0.defaults) } + [
            RuleSample(.init(.adam, lr: 0.1), .init(betas: (0.8, 0.99), amsgrad: true)),
            RuleSample(.init(.adamw, amsgrad: true), .init(weightDecay: 0.5, amsgrad: false)),
            RuleSample(.init(.nadam, lr: 0.1), .init(betas: (0.5, 0.9), momentumDecay: 0.1)),
            RuleSample(.init(.adagrad, initialAccumulatorValue: 0.25), .init(lrDecay: 0.5)),
            RuleSample(
                .init(.rmsprop, momentum: 0.5, centered: true), .init(momentum: 0, centered: false)
            ),
            RuleSample(
                .init(.sgd, momentum: 0.9, nesterov: true),
                .init(momentum: 0.5, dampening: 0.25, nesterov: false)),
            RuleSample(.init(.sgd), .init(momentum: 0.5)),
            RuleSample(.init(.adam, amsgrad: true), .init(type: .sgd, momentum: 0.5)),
            RuleSample(.init(.sgd, maximize: true), .init(type: .nadam, lr: 0.5)),
            RuleSample(.init(.lion), .init(type: .rmsprop, momentum: 0.5, centered: true)),
            RuleSample(.init(.lamb, lr: 0.1), .init(type: .lamb, weightDecay: 0)),
            RuleSample(.init(.adam), .init(type: .lamb)),
            RuleSample(.init(.adadelta), .init(type: .adagrad, initialAccumulatorValue: 2)),
            RuleSample(.init(.adamw), .init(type: .muon, lr: 0.1)),
            RuleSample(
                .init(.muon, lr: 0.1, momentum: 0.3, nsCoefficients: .init(2, -1.5, 0.5)),
                .init(momentum: 0, nesterov: false, nsSteps: 2, adjustLrFn: .matchRmsAdamw)),
            RuleSample(.init(.muon), .init(type: .adam, amsgrad: true)),
        ]

    var testDescription: String { "\(defaults.type) and \(other)" }
}
