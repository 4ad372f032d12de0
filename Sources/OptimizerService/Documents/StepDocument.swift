import HTTP1
import OptimizerEngine
import OptimizerSessions
import TensorFormats

/// What a step may be asked beside its gradients (API §3), the same in every format.
struct StepDocument: OptionsDocument {
    private(set) var options = StepOptions(partial: .error)
    private(set) var loss: Double?
    /// What a step without gradients makes of those that were accumulated; nil: nothing is said.
    private var reduction: GradientAccumulator.Reduction?
    private var zeroesGradients: Bool?

    static let names = [
        "lr", "grad_scale", "max_grad_norm", "norm_type", "clip_value", "nonfinite",
        "partial", "loss", "reduction", "zero_grad",
    ]
    static let words = ["norm_type", "nonfinite", "partial", "reduction"]

    init() {}

    init(_ members: [JSONMember]) throws(SettingsFault) {
        var reader = MemberReader(members, at: "")
        options.lr = try StepDocument.learningRate(from: &reader)
        options.gradScale = try reader.number("grad_scale")
        options.maxGradNorm = try reader.maxGradNorm()
        options.normType = try reader.normType()
        options.clipValue = try reader.clipValue()
        options.nonfinite = try reader.choice("nonfinite", of: NonFinitePolicy.self)
        options.partial = try reader.choice("partial", of: PartialPolicy.self) ?? .error
        loss = try reader.number("loss")
        if let loss, !loss.isFinite {
            throw SettingsFault(.invalidValue, "/loss", "must be a finite number")
        }
        reduction = try reader.choice("reduction", of: GradientAccumulator.Reduction.self)
        zeroesGradients = try reader.bool("zero_grad")
        try reader.finish()
    }

    /// The accumulated gradients, as they are to be used: by a step that brings none.
    var accumulated: StepRequest.Source {
        .accumulated(reduction ?? .sum, zeroes: zeroesGradients ?? true)
    }

    /// Refuses options of the accumulated gradients where a step brings its own.
    func requireOwnGradients() throws(Problem) {
        let name = reduction != nil ? "reduction" : zeroesGradients != nil ? "zero_grad" : nil
        guard let name else { return }
        throw Problem(
            .invalidValue, at: "/\(name)",
            "This is for a step without gradients, which takes the accumulated ones.")
    }

    private static func learningRate(
        from reader: inout MemberReader
    ) throws(SettingsFault) -> StepOptions.LearningRate {
        guard let value = reader.take("lr") else { return .groups }
        switch value {
        case .number(let rate):
            return .all(rate)
        case .object(let members):
            var rates: [String: Double] = [:]
            for member in members {
                guard case .number(let rate) = member.value else {
                    throw SettingsFault(
                        .invalidValue, JSONPointer.of("lr", member.name), "must be a number")
                }
                rates[member.name] = rate
            }
            return .byGroup(rates)
        default:
            throw SettingsFault(
                .invalidValue, "/lr", "must be a number, or an object of numbers by group")
        }
    }
}
