/// Groups of parameters, steps and state, as in PyTorch. Its subclasses are PyTorch's optimizers
/// with their own arguments; groups of any of them may stand in one.
///
/// Not for use from several threads at once. Methods that throw have changed nothing.
public class Optimizer {
    public let type: OptimizerType
    /// Clips the norm of all gradients together, in every step; nil does not.
    public var maxGradNorm: Double?
    /// Which norm that is, and which one a step tells.
    public var normType = GradientNorm.two
    /// Clips every element to between −value and value, after the norm; nil does not.
    public var clipValue: Double?
    public var nonfinite: NonFinitePolicy
    /// What the latest step did.
    public private(set) var lastStep: StepReport?
    /// Steps applied so far, from which schedules tell the learning rates.
    public internal(set) var stepCount = 0

    public private(set) var parameters: [Parameter]
    private(set) var core: FlatOptimizer
    private var gradients: AlignedMemory

    /// - Parameters:
    ///   - parameters: parameters, which then form the group `default`, or groups of them.
    ///   - defaults: the rule, and what groups inherit.
    /// - Throws: `OptimizerError` when a value is out of range or parameters do not fit together.
    public init<Element: ParameterGroupElement>(
        _ parameters: [Element], _ defaults: Hyperparameters, maxGradNorm: Double? = nil,
        nonfinite: NonFinitePolicy = .reject
    ) throws(OptimizerError) {
        let groups = Element.groups(of: parameters)
        try checked { () throws(HyperparameterError) in
            let none: [GroupTable.Group] = []
            try StepSettings(maxGradNorm: maxGradNorm).validate(for: none, step: 0, working: .f64)
        }
        type = defaults.type
        self.maxGradNorm = maxGradNorm
        self.nonfinite = nonfinite
        self.parameters = groups.flatMap(\.parameters)
        core = try Self.core(groups, defaults)
        gradients = AlignedMemory(core.elementCount * core.working.byteCount)
        adopt()
    }

    /// A group's name, parameters and the hyperparameters in force.
    public struct Group: Equatable, Sendable {
        public let name: String
        public let parameters: [String]
        public let hyperparameters: Hyperparameters
    }

    public var parameterGroups: [Group] {
        core.groups.map { group in
            Group(
                name: group.name, parameters: group.members.map { parameters[$0].name },
                hyperparameters: group.hyperparameters)
        }
    }

    /// One step with the gradients that are set. Without any gradient nothing happens.
    /// - Throws: `nonfiniteGradient` under the policy `reject`, `wrongCount`, `missingGradient`,
    ///   `invalidHyperparameter`, `unknownGroup`, `parameterTaken`.
    @discardableResult
    public func step(_ options: StepOptions = StepOptions()) throws(OptimizerError) -> StepReport {
        let places = try gradientPlaces(options.partial)
        let settings = try StepSettings(
                options, groupNames: core.groups.map(\.name), maxGradNorm: maxGradNorm,
                normType: normType, clipValue: clipValue, nonfinite: nonfinite)
        let source = Gradients(base: gradients.base, places: .each(places))
        let pass: StepPass
        do {
            pass = try core.begin(source, settings, step: stepCount)
        } catch {
            throw .invalidHyperparameter(error)
        }
        let verdict = pass.runInline()
        if case .reject(let slots) = verdict {
            throw .nonfiniteGradient(slots.map { parameters[$0].name })
        }
        // A step without any gradient is none.
        if verdict == .apply, places.contains(where: { $0 != nil }) { stepCount += 1 }
        let rates = zip(core.groups, pass.lr).map { ($0.name, $1) }
        let report = StepReport(
            applied: verdict == .apply, gradNorm: pass.gradNorm, clipCoef: pass.clipCoef,
            lr: Dictionary(rates) { first, _ in first })
        lastStep = report
        return report
    }

    /// Runs the closure, which computes the gradients, then takes one step, as in torch.
    /// - Returns: what the closure returned, the loss.
    @discardableResult
    public func step<Loss>(
        _ options: StepOptions = StepOptions(), closure: () throws -> Loss
    ) throws -> Loss {
        let loss = try closure()
        try step(options)
        return loss
    }

    /// Forgets all gradients, or fills those that are set with zeros.
    public func zeroGrad(setToNone: Bool = true) {
        for parameter in parameters { parameter.zeroGradient(setToNone: setToNone) }
    }

    /// Adds a group to a run; its parameters start at step 0.
    public func addParameterGroup(_ group: ParameterGroup) throws(OptimizerError) {
        var groups = core.groups.map { old in
            var same = ParameterGroup(old.name, old.members.map { parameters[$0] })
            same.overrides = old.overrides
            return same
        }
        groups.append(group)
        // Slots keep their order, so that everything already there stays a prefix.
        let all = parameters + group.parameters
        let next = try Self.core(groups, core.defaults, order: all)
        for which in StateVector.allCases {
            guard let old = core.vector(which), let new = next.vector(which) else { continue }
            new.copyMemory(from: UnsafeRawBufferPointer(old))
        }
        let added = [SlotProgress](repeating: SlotProgress(), count: group.parameters.count)
        try next.restore(core.progress + added)
        let memory = AlignedMemory(next.elementCount * next.working.byteCount)
        (parameters, core, gradients) = (all, next, memory)
        adopt()
    }

    /// Sets hyperparameters of one group, or of every group; what is nil stays.
    public func setHyperparameters(
        _ values: HyperparameterOverrides, group: String? = nil
    ) throws(OptimizerError) {
        if let group, !core.groups.contains(where: { $0.name == group }) {
            throw .unknownGroup(group)
        }
        let overrides = core.groups.filter { group == nil || $0.name == group }.map {
            (name: $0.name, $0.overrides.merged(with: values))
        }
        try replaceOverrides(overrides)
    }

    func replaceOverrides(
        _ overrides: [(name: String, HyperparameterOverrides)]
    ) throws(OptimizerError) {
        do {
            try core.setHyperparameters(defaults: core.defaults, groupOverrides: overrides)
        } catch let error as OptimizerError {
            throw error
        } catch {
            preconditionFailure("AlignedMemory does not throw: \(error)")
        }
    }
}

extension Optimizer {
    /// The flat core of these groups' parameters, laid out in `order`.
    private static func core(
        _ groups: [ParameterGroup], _ defaults: Hyperparameters, order: [Parameter]? = nil
    ) throws(OptimizerError) -> FlatOptimizer {
        let parameters = order ?? groups.flatMap(\.parameters)
        guard let elementType = parameters.first?.elementType else { throw .noParameters }
        var slots: [ParameterSlot] = []
        var index: [String: Int] = [:]
        var offset = 0
        for parameter in parameters {
            guard parameter.elementType == elementType else {
                throw .mixedElementTypes(
                    parameter: parameter.name, expected: elementType,
                    actual: parameter.elementType)
            }
            if let other = index[parameter.name] {
                if parameters[other] !== parameter { throw .duplicateParameter(parameter.name) }
            } else {
                index[parameter.name] = slots.count
            }
            slots.append(
                ParameterSlot(
                    name: parameter.name, shape: parameter.shape, offset: offset,
                    count: parameter.count))
            offset += parameter.count
        }
        let specifications = groups.map { group in
            GroupSpecification(
                name: group.name, members: group.parameters.compactMap { index[$0.name] },
                overrides: group.overrides)
        }
        do {
            let core = try FlatOptimizer(
                elementType: elementType, slots: slots, defaults: defaults,
                groups: specifications, memory: { AlignedMemory($0) })
            core.startMoments()
            return core
        } catch let error as OptimizerError {
            throw error
        } catch {
            preconditionFailure("AlignedMemory does not throw: \(error)")
        }
    }

    /// Moves every parameter into this optimizer's vectors.
    private func adopt() {
        let width = core.working.byteCount
        for (parameter, slot) in zip(parameters, core.slots) {
            parameter.move(
                to: Parameter.Place(
                    values: core.parameters.base.advanced(by: slot.offset * width),
                    gradient: gradients.base.advanced(by: slot.offset * width),
                    owners: (core.parameters, gradients)))
            parameter.optimizer = self
        }
    }

    private func gradientPlaces(
        _ partial: PartialPolicy
    ) throws(OptimizerError) -> [GradientPlace?] {
        var places: [GradientPlace?] = []
        var missing: [String] = []
        for (parameter, slot) in zip(parameters, core.slots) {
            guard parameter.optimizer === self else { throw .parameterTaken(parameter.name) }
            if let misfit = parameter.misfit { throw parameter.wrongCount(misfit) }
            switch parameter.gradientState {
            case .present:
                let offset = slot.offset * core.working.byteCount
                places.append(GradientPlace(byteOffset: offset, type: core.working))
            case .absent:
                places.append(nil)
                missing.append(parameter.name)
            case .wrongCount(let count):
                throw parameter.wrongCount(count)
            }
        }
        guard partial == .skip || missing.isEmpty else { throw .missingGradient(missing) }
        return places
    }
}
