import OptimizerEngine
import Testing

/// What the rules have, refuse and keep.
struct RuleTests {
    /// As `torch.optim` has them, Lion and LAMB as their authors do.
    @Test func defaultsAreTorchs() throws {
        let numbers: [(OptimizerType, [HyperparameterName: HyperparameterValue])] = [
            (.adam, [.lr: 1e-3, .betas: .pair(0.9, 0.999), .eps: 1e-8, .weightDecay: 0]),
            (.adamw, [.lr: 1e-3, .betas: .pair(0.9, 0.999), .eps: 1e-8, .weightDecay: 0.01]),
            (.nadam, [.lr: 2e-3, .betas: .pair(0.9, 0.999), .eps: 1e-8, .weightDecay: 0,
                .momentumDecay: 4e-3]),
            (.radam, [.lr: 1e-3, .betas: .pair(0.9, 0.999), .eps: 1e-8, .weightDecay: 0]),
            (.adamax, [.lr: 2e-3, .betas: .pair(0.9, 0.999), .eps: 1e-8, .weightDecay: 0]),
            (.adagrad, [.lr: 1e-2, .lrDecay: 0, .eps: 1e-10, .weightDecay: 0,
                .initialAccumulatorValue: 0]),
            (.rmsprop, [.lr: 1e-2, .alpha: 0.99, .eps: 1e-8, .weightDecay: 0, .momentum: 0]),
            (.adadelta, [.lr: 1, .rho: 0.9, .eps: 1e-6, .weightDecay: 0]),
            (.sgd, [.lr: 1e-3, .momentum: 0, .dampening: 0, .weightDecay: 0]),
            (.lion, [.lr: 1e-4, .betas: .pair(0.9, 0.99), .weightDecay: 0]),
            (.lamb, [.lr: 1e-3, .betas: .pair(0.9, 0.999), .eps: 1e-6, .weightDecay: 0.01]),
            (.muon, [.lr: 1e-3, .weightDecay: 0.1, .momentum: 0.95, .eps: 1e-7, .nsSteps: 5,
                .nsCoefficients: .triple(3.4445, -4.7750, 2.0315)]),
        ]
        #expect(numbers.map(\.0) == OptimizerType.allCases)
        for (type, expected) in numbers {
            let hyper = Hyperparameters(type)
            #expect(hyper == type.defaults)
            try hyper.validate()
            for option in type.options {
                switch option.kind {
                case .number, .pair, .triple:
                    #expect(hyper[option] == expected[option], "\(type) \(option)")
                case .flag:
                    #expect(hyper[option] == .flag(type == .muon && option == .nesterov))
                case .adjustment: #expect(hyper[option] == .adjustment(.original))
                case .schedule: #expect(hyper[option] == .schedule(nil))
                }
            }
            let numeric: [HyperparameterName.Kind] = [.number, .pair, .triple]
            let named = type.options.filter { numeric.contains($0.kind) }
            #expect(Set(named) == Set(expected.keys))
        }
    }

    /// Every number of every rule at the ends of its range and beyond.
    @Test func rangesAreGuarded() throws {
        let good: [HyperparameterName: [Double]] = [
            .alpha: [0, 1], .rho: [0, 1], .dampening: [-1, 2], .betas: [0, 0.999_999],
            .initialAccumulatorValue: [0, 3e38], .nsSteps: [0, 99], .nsCoefficients: [-3e38, 3e38],
        ]
        let bad: [HyperparameterName: [Double]] = [
            .alpha: [-1e-9, 1.000_1], .rho: [-1e-9, 1.000_1], .dampening: [],
            .betas: [-1e-9, 1], .initialAccumulatorValue: [-1e-9, 4e38],
            .nsSteps: [-1, 100, 1.5], .nsCoefficients: [4e38],
        ]
        for type in OptimizerType.allCases {
            for option in type.options {
                func value(_ number: Double) -> HyperparameterValue {
                    switch option.kind {
                    case .pair: .pair(number, 0)
                    case .triple: .triple(0, 0, number)
                    default: .number(number)
                    }
                }
                guard [.number, .pair, .triple].contains(option.kind) else { continue }
                var hyper = type.defaults
                for number in good[option] ?? [0, 1e30] {
                    hyper[option] = value(number)
                    try hyper.validate()
                }
                for number in (bad[option] ?? [-1e-9]) + [.nan, .infinity, -.infinity] {
                    hyper[option] = value(number)
                    let error = #expect(throws: HyperparameterError.self) { try hyper.validate() }
                    #expect(error?.name.hasPrefix(option.rawValue) == true)
                }
            }
        }
    }

    /// As in PyTorch: "Nesterov momentum requires a momentum and zero dampening".
    @Test func nesterovNeedsMomentum() throws {
        try Hyperparameters(.sgd, momentum: 0.9, nesterov: true).validate()
        let without = #expect(throws: HyperparameterError.self) {
            try Hyperparameters(.sgd, nesterov: true).validate(group: "g")
        }
        #expect(
            without?.description == "momentum of group \"g\" must be > 0 with nesterov, not 0.0")
        let dampened = #expect(throws: HyperparameterError.self) {
            try Hyperparameters(.sgd, momentum: 0.9, dampening: 0.5, nesterov: true).validate()
        }
        #expect(dampened?.name == "dampening")
    }

    @Test func optionsOfOtherRulesAreRefused() throws {
        for type in OptimizerType.allCases {
            for option in HyperparameterName.allCases {
                var overrides = HyperparameterOverrides(type: type)
                overrides[option] = type.defaults[option]
                let group = GroupSpecification(name: "g", members: [0], overrides: overrides)
                let make = {
                    try flat(
                        .adam, .init(), [1] as [Float], shapes: [[1, 1]], groups: [group])
                }
                if type.options.contains(option) {
                    _ = try make()
                } else {
                    let error = OptimizerError.unknownOption(option, of: type, group: "g")
                    #expect(throws: error) { try make() }
                }
            }
        }
    }

    @Test func aGroupsRuleStays() throws {
        let group = GroupSpecification(
            name: "g", members: [1], overrides: .init(type: .sgd, momentum: 0.5))
        let optimizer = try flat(
            .adam, .init(), [1, 2] as [Float], counts: [1, 1], groups: [group])
        #expect(throws: OptimizerError.typeChanged(group: "g")) {
            try optimizer.setHyperparameters(
                defaults: .init(), groupOverrides: [("g", .init(type: .lion))])
        }
        #expect(throws: OptimizerError.typeChanged(group: "default")) {
            try optimizer.setHyperparameters(defaults: .init(.sgd))
        }
        #expect(optimizer.groups.map(\.hyperparameters.type) == [.adam, .sgd])
    }

    /// Of the optimizer, a group of another rule inherits what is the run's and nothing else.
    @Test func groupsOfAnotherRuleStartFromItsDefaults() throws {
        let schedule = LearningRateSchedule.exponential(.init(gamma: 0.5))
        let defaults = Hyperparameters(
            .adamw, lr: 7, eps: 3, weightDecay: 5, maximize: true, lrSchedule: schedule)
        let overrides = HyperparameterOverrides(type: .sgd, momentum: 0.5)
        #expect(
            overrides.applied(to: defaults)
                == Hyperparameters(.sgd, momentum: 0.5, maximize: true, lrSchedule: schedule))
        #expect(
            HyperparameterOverrides(type: .adamw, lr: 1).applied(to: defaults)
                == Hyperparameters(
                    .adamw, lr: 1, eps: 3, weightDecay: 5, maximize: true, lrSchedule: schedule))
    }

    /// SGD's momentum begins with the first gradient that it sees, whenever it is turned on.
    @Test func momentumTurnedOnLater() throws {
        let optimizer = try flat(.sgd, .init(.sgd, lr: 1), [0] as [Float])
        try optimizer.step([1] as [Float])
        #expect(!optimizer.has(.momentumBuffer, slot: 0) && optimizer.vectorCount == 1)
        let momentum = Hyperparameters(.sgd, lr: 1, momentum: 0.5, dampening: 0.5)
        try optimizer.setHyperparameters(defaults: momentum)
        #expect(!optimizer.has(.momentumBuffer, slot: 0) && optimizer.vectorCount == 2)
        try optimizer.step([2] as [Float])
        #expect(optimizer.has(.momentumBuffer, slot: 0))
        #expect(optimizer.values(.momentumBuffer) == [2 as Float])
        try optimizer.step([4] as [Float])
        #expect(optimizer.values(.momentumBuffer) == [3 as Float])
        #expect(optimizer.values(.parameters) == [-6 as Float])
        try optimizer.setHyperparameters(defaults: .init(.sgd, lr: 1))
        #expect(!optimizer.has(.momentumBuffer, slot: 0) && optimizer.vectorCount == 1)
    }

    /// What RMSprop keeps on request begins at zero, also in memory that other groups use.
    @Test func rmspropTurnedToMomentumLater() throws {
        let group = GroupSpecification(
            name: "g", members: [1], overrides: .init(type: .adam, amsgrad: true))
        let optimizer = try flat(
            .rmsprop, .init(.rmsprop, momentum: 0.5, centered: true), [1, 1] as [Float],
            counts: [1, 1], groups: [group])
        try optimizer.step([1, 1] as [Float])
        try optimizer.setHyperparameters(defaults: .init(.rmsprop))
        #expect(optimizer.vectorCount == 4 && optimizer.vector(.momentumBuffer) == nil)
        try optimizer.setHyperparameters(
            defaults: .init(.rmsprop, momentum: 0.5, centered: true))
        #expect((optimizer.values(.momentumBuffer) as [Float])[0] == 0)
        #expect((optimizer.values(.gradAvg) as [Float])[0] == 0)
        #expect((optimizer.values(.expAvgSq) as [Float])[1] != 0)
    }

    /// A memory is there just where some group's rule uses it.
    @Test func memoriesAreThoseThatAreUsed() throws {
        let counts: [(Hyperparameters, Int)] = [
            (.init(.adam), 3), (.init(.adam, amsgrad: true), 4), (.init(.nadam), 3),
            (.init(.radam), 3), (.init(.adamax), 3), (.init(.adagrad), 2), (.init(.rmsprop), 2),
            (.init(.rmsprop, momentum: 1), 3), (.init(.rmsprop, centered: true), 3),
            (.init(.rmsprop, momentum: 1, centered: true), 4), (.init(.adadelta), 3),
            (.init(.sgd), 1), (.init(.sgd, momentum: 1), 2), (.init(.lion), 2), (.init(.lamb), 3),
            (.init(.muon), 2),
        ]
        for (hyper, count) in counts {
            let optimizer = try flat(hyper.type, hyper, [1] as [Float])
            #expect(optimizer.vectorCount == count && optimizer.memories.count == count)
            let kept = StateVector.moments.filter { hyper.keeps($0) }
            #expect(kept.count == count - 1)
        }
    }

    @Test func facadeSpeaksEveryRule() throws {
        func p() throws -> Parameter { try Parameter("p", shape: [1, 2], values: [1, -2]) }
        let made: [Optimizer] = [
            try Adam([p()]), try AdamW([p()]), try NAdam([p()], momentumDecay: 0.1),
            try RAdam([p()], decoupledWeightDecay: true), try Adamax([p()]),
            try Adagrad([p()], lrDecay: 0.1, initialAccumulatorValue: 0.5),
            try RMSprop([p()], momentum: 0.9, centered: true), try Adadelta([p()]),
            try SGD([p()], lr: 0.1, momentum: 0.9, nesterov: true), try Lion([p()]),
            try LAMB([p()]), try Muon([p()], lr: 0.1),
        ]
        #expect(made.map(\.type) == OptimizerType.allCases)
        for optimizer in made {
            let parameter = optimizer.parameters[0]
            let hyper = optimizer.parameterGroups[0].hyperparameters
            var reference = ReferenceOptimizer(
                hyper, parameters: parameter.values, shape: [1, 2])
            for gradient in [[0.5, 2], [-1, 0.25], [3, 3]] as [[Float]] {
                parameter.gradient = gradient
                try optimizer.step()
                reference.step(gradient)
            }
            #expect(parameter.values == reference.parameters, "\(optimizer.type)")
            // And goes on from its state in another one.
            let twin = try p()
            let next = try Optimizer([twin], hyper)
            twin.values = parameter.values
            let state = optimizer.stateDict()
            try next.load(stateDict: state)
            #expect(next.stateDict() == state)
            (twin.gradient, parameter.gradient) = ([1, 1], [1, 1])
            try optimizer.step()
            try next.step()
            #expect(twin.values == parameter.values)
        }
    }

    /// PyTorch users make an optimizer for each kind of parameter; here they share one.
    @Test func facadeMixesRules() throws {
        let w = try Parameter("w", shape: [1], values: [1])
        let b = try Parameter("b", shape: [1], values: [1])
        let sgd = HyperparameterOverrides(type: .sgd, lr: 0.5, momentum: 0.9)
        let optimizer = try AdamW([ParameterGroup("w", [w]), ParameterGroup("b", [b], sgd)])
        (w.gradient, b.gradient) = ([1], [1])
        try optimizer.step()
        #expect(b.values == [0.5] && w.values != b.values)
        let state = optimizer.stateDict().state
        #expect(state["b"]?.tensors.keys.sorted() == ["momentum_buffer"])
        #expect(state["w"]?.tensors.keys.sorted() == ["exp_avg", "exp_avg_sq"])
        var wrong = optimizer.stateDict()
        wrong.state["b"]?.muProduct = 0.5
        #expect(throws: OptimizerError.state(.unexpected(entry: "b/mu_product"))) {
            try optimizer.load(stateDict: wrong)
        }
    }
}
