import OptimizerEngine

/// An update rule to measure.
enum Variant: String, CaseIterable {
    case adam, adamw, amsgrad

    var type: OptimizerType { self == .adamw ? .adamw : .adam }

    var hyperparameters: Hyperparameters {
        var hyper = Hyperparameters(defaultsFor: type)
        hyper.amsgrad = self == .amsgrad
        return hyper
    }
}
