import OptimizerEngine
import TensorFormats

extension SessionDescription {
    /// Refuses what the step itself would refuse, before there are gradients: options out of
    /// range, groups that do not exist.
    package func check(_ options: StepOptions) throws(SessionError) {
        guard options.asksSomething else { return }
        let settings = try StepSettings(
            options, of: groups.map(\.name), under: policy)
        do {
            try settings.validate(for: groups, step: step, working: elementType.working)
        } catch {
            throw .invalidSettings(SettingsFault(error, in: options.lr))
        }
    }
}

extension StepSettings {
    /// What a step's options come to; a group that does not exist is a fault of the request.
    init(
        _ options: StepOptions, of groupNames: @autoclosure () -> [String], under policy: StepPolicy
    ) throws(SessionError) {
        do {
            try self.init(
                options, groupNames: groupNames(), maxGradNorm: policy.maxGradNorm,
                normType: policy.normType, clipValue: policy.clipValue,
                nonfinite: policy.effectiveNonfinite)
        } catch {
            guard case .unknownGroup(let name) = error else { throw SessionError(engine: error) }
            throw .invalidSettings(.unknownGroup(at: JSONPointer.of("lr", name)))
        }
        if gradScale == nil { gradScale = policy.gradScaler?.scale }
    }
}

extension SettingsFault {
    static func unknownGroup(at pointer: String) -> SettingsFault {
        SettingsFault(.unknownMember, pointer, "is no parameter group of the session")
    }

    /// A step option out of range, as the client wrote it.
    init(_ error: HyperparameterError, in lr: StepOptions.LearningRate) {
        guard let group = error.group, case .byGroup = lr else {
            self.init(error, at: "/\(error.name)")
            return
        }
        self.init(error, at: JSONPointer.of("lr", group))
    }
}

extension StepOptions {
    /// Whether anything in it could be out of range.
    fileprivate var asksSomething: Bool {
        if case .groups = lr {
            return gradScale != nil || maxGradNorm != .inherited || clipValue != .inherited
        }
        return true
    }
}
