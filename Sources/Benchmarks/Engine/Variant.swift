import OptimizerEngine

/// An update rule to measure.
enum Variant: String, CaseIterable {
    case adam, adamw, amsgrad, nadam, radam, adamax, adagrad, rmsprop, adadelta, sgd, lion, lamb,
        muon

    var hyperparameters: Hyperparameters {
        switch self {
        case .amsgrad: Hyperparameters(.adam, amsgrad: true)
        // Momentum is what moves the most memory.
        case .sgd: Hyperparameters(.sgd, momentum: 0.9)
        default: Hyperparameters(OptimizerType(rawValue: rawValue) ?? .adam)
        }
    }
}
