import OptimizerEngine
import SystemIO
import TensorFormats
import Testing

@testable import OptimizerSessions

/// Sessions of every rule, and of several rules at once.
@Suite struct RuleTests {
    /// Tensors a (2 elements), b (4), c (3); b is in the group `other`.
    private func specification(
        _ sample: RuleSample, _ type: ElementType = .f32
    ) throws -> SessionSpecification {
        let group = GroupSettings(name: "other", params: ["b"], overrides: sample.other)
        return try .sample(
            SessionSettings(defaults: sample.defaults, groups: [group], nonfinite: .skip),
            shapes: [[1, 2], [2, 2], [3, 1]], type)
    }

    /// Each tensor steps as one alone under its group's rule, and they disturb one another in
    /// nothing.
    @Test(arguments: RuleSample.all)
    func tensorsStepAsTheirRules(_ sample: RuleSample) throws {
        let session = try World().session("s", specification(sample))
        let start = try session.parameters()
        let other = sample.other.applied(to: sample.defaults)
        let places = [
            ("a", 0..<2, sample.defaults), ("b", 2..<6, other), ("c", 6..<9, sample.defaults),
        ]
        var references = zip(places, [[1, 2], [2, 2], [3, 1]]).map { place, shape in
            ReferenceOptimizer<Float>(
                place.2, parameters: start[place.1].map { Float($0) }, shape: shape)
        }
        for seed in 1...4 {
            let gradient = gradients(9, seed: seed)
            try session.take(gradient)
            for (index, (_, place, _)) in places.enumerated() {
                references[index].step(gradient[place].map { Float($0) })
            }
            let expected = references.flatMap(\.parameters).map { Double($0) }
            #expect(try session.parameters() == expected)
        }
        let header = try SafetensorsHeader.parse(file: try session.state())
        for ((tensor, _, hyper), reference) in zip(places, references) {
            let kept = Set(reference.moments.keys.map { "\($0.rawValue)/\(tensor)" })
            let named = header.tensors.map(\.name).filter { $0.hasSuffix("/\(tensor)") }
            let numbers = hyper.type == .nadam ? ["step", "mu_product"] : ["step"]
            #expect(
                Set(named) == kept.union((numbers + ["parameters"]).map { "\($0)/\(tensor)" }))
        }
    }

    /// Everything that touches what a rule keeps, in a fixed order.
    private func live(_ world: World, _ session: Session, from event: Int) throws {
        let events: [() throws -> Void] = [
            { try session.take(gradients(9)) },
            // One tensor of each group stands still, so that they have come differently far.
            {
                let slab = try Slab(gradients(4), .f32)
                let places = GradientPlace(byteOffset: 0, type: .f32)
                var request = StepRequest(
                    gradients: StepGradients(slab: slab, places: .each([nil, places, nil])))
                request.options.partial = .skip
                try session.take(request)
            },
            { try session.take(gradients(9, seed: 2)) },
            {
                try session.change { patch in
                    patch.defaults = session.description().hyperparameters.type.switches(true)
                }
            },
            { try session.take(gradients(9, seed: 3)) },
            {
                let outcome = try session.take([.nan, 0, 0, 0, 0, 0, 0, 0, 0])
                #expect(!outcome.applied)
            },
            {
                try session.change { patch in
                    patch.defaults = session.description().hyperparameters.type.switches(false)
                }
            },
            { try session.take(gradients(9, seed: 4)) },
            {
                try session.change { patch in
                    patch.defaults = session.description().hyperparameters.type.switches(true)
                }
            },
            { try session.take(gradients(9, seed: 5)) },
            { try world.importState(try session.state(), as: session.name) },
            { try session.take(gradients(9, seed: 6)) },
        ]
        for event in events[event...] { try event() }
    }

    /// A run is found again with all that its rule keeps, by its log alone or from a snapshot.
    @Test(arguments: RuleSample.all, [nil, 3, 8] as [Int?])
    func runsAreFoundAsTheyWere(_ sample: RuleSample, _ snapshotAfter: Int?) throws {
        let directory = try TemporaryDirectory()
        func life() throws -> (state: [UInt8], description: [GroupDescription]) {
            let world = try World(directory: directory)
            var specification = try specification(sample)
            specification.durability = .log
            let session = try world.session("s", specification)
            try live(world, session, from: 0)
            if snapshotAfter != nil {
                world.store.snapshotAll(until: MonotonicClock.now() + .seconds(60))
            }
            try live(world, session, from: snapshotAfter ?? 0)
            return (try session.state(), session.description().groups)
        }
        let (state, groups) = try life()
        let world = try World(directory: directory)
        let session = try world.store.session(named: "s")
        #expect(try session.state() == state)
        #expect(session.description().groups == groups)
        try session.take(gradients(9, seed: 7))
        // A fork, and an import under another name, go on alike.
        let next = try session.state()
        try world.importState(state, as: "imported")
        let imported = try world.store.session(named: "imported")
        try imported.take(gradients(9, seed: 7))
        #expect(try imported.state() == next)
        try world.fork("s", as: "fork")
        #expect(try world.store.session(named: "fork").state() == next)
    }

    /// A session whose snapshot holds more vectors than it has now needs no room for them: what was
    /// within the budget is found again under the same one.
    @Test func recoveryNeedsNoMoreRoomThanThereWas() throws {
        let directory = try TemporaryDirectory()
        func durable(_ hyper: Hyperparameters, _ count: Int) throws -> SessionSpecification {
            var specification = try SessionSpecification.sample(
                SessionSettings(defaults: hyper), shapes: [[count]])
            specification.durability = .log
            return specification
        }
        let others = (0..<20).map { "a\($0)" }
        func live(_ limit: Int) throws -> Int {
            let world = try World(stateBytes: limit, directory: directory)
            let large = try durable(.init(.rmsprop, momentum: 0.5, centered: true), 10_000)
            let session = try world.session("z", large)
            try session.take(gradients(10_000))
            try session.change { $0.defaults = .init(momentum: 0, centered: false) }
            for name in others { try world.create(name, durable(.init(), 500)) }
            return world.store.budget.inUseBytes
        }
        // Two vectors of 40 000 bytes less than at first, and half of that left over.
        let limit = 340_000
        let inUse = try live(limit)
        #expect(inUse <= limit && inUse > limit - 60_000)
        do {
            let world = try World(stateBytes: limit, directory: directory)
            let session = try world.store.session(named: "z")
            try session.take(gradients(10_000, seed: 2))
            #expect(world.store.budget.inUseBytes == inUse)
            // What is turned on later counts against the same budget.
            #expect(throws: SessionError.self) {
                try session.change { $0.defaults = .init(momentum: 0.5, centered: true) }
            }
        }
        // There is a limit all the same.
        let smaller = try World(stateBytes: inUse - 1, directory: directory)
        #expect(smaller.store.budget.inUseBytes < inUse)
        #expect(smaller.events.values.contains { !$0.isRecovered })
    }

    /// Matrices need a workspace beside the vectors, which counts like them and is kept when a
    /// state takes the place of another.
    @Test func workspacesCount() throws {
        let directory = try TemporaryDirectory()
        var specification = try SessionSpecification.sample(
            SessionSettings(defaults: .init(.muon, lr: 0.1)), shapes: [[100, 100]])
        specification.durability = .log
        let (bytes, inUse) = try {
            let world = try World(directory: directory)
            let session = try world.session("s", specification)
            let plain = try world.session("plain", .sample(shapes: [[100, 100]]))
            // Two matrices of that shape and two square ones beside parameters and momentum, all
            // of 40 000 bytes; Adam keeps three.
            let bytes = session.description().stateBytes
            #expect(bytes == plain.description().stateBytes + 3 * 40_000)
            try world.remove("plain")
            try session.take(gradients(10_000))
            let inUse = world.store.budget.inUseBytes
            try world.importState(try session.state(), as: "s")
            #expect(world.store.budget.inUseBytes == inUse)
            return (bytes, inUse)
        }()
        let again = try World(directory: directory)
        #expect(again.store.budget.inUseBytes == inUse)
        #expect(throws: SessionError.self) {
            try World(stateBytes: bytes - 1).session("s", specification)
        }
    }

    /// What a file must hold of a rule's state, and must not hold of another's.
    @Test func statesOfOtherRulesAreRefused() throws {
        let world = try World()
        var files: [OptimizerType: [UInt8]] = [:]
        for type in OptimizerType.allCases {
            let settings = SessionSettings(defaults: type.defaults)
            let session = try world.session(
                "\(type)", .sample(settings, shapes: [[1, 2], [2, 2]]))
            try session.take(gradients(6))
            files[type] = try session.state()
        }
        let nadam = try #require(files[.nadam])
        let session = try world.session("s", .sample(shapes: [[1, 2], [2, 2]]))
        // The rule comes with the file.
        try world.importState(nadam, as: "s")
        #expect(session.description().hyperparameters.type == .nadam)
        for (name, part) in [("mu_product/a", "mu_product/"), ("step/b", "step/")] {
            let fault = #expect(throws: SessionError.self) {
                let file = renaming(name, to: part.dropLast() + "_/x", in: nadam)
                try world.importState(file, as: "s")
            }
            #expect(fault == .missingTensor(name: name))
        }
        for product in [-0.5, 1.5, .nan, .infinity] {
            let error = #expect(throws: SessionError.self) {
                try world.importState(setting("mu_product/a", product, in: nadam), as: "s")
            }
            guard case .invalidSettings(let fault)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(fault.kind == .invalidValue && fault.pointer == "/mu_product~1a")
        }
        for (type, name) in [
            (OptimizerType.adagrad, "sum/a"), (.rmsprop, "square_avg/a"), (.adamax, "exp_inf/a"),
            (.adadelta, "acc_delta/b"),
        ] {
            let file = try #require(files[type])
            let error = #expect(throws: SessionError.self) {
                try world.importState(setting(name, Float(-1), in: file), as: "s")
            }
            guard case .invalidSettings(let fault)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(fault.pointer == "/" + name.replacing("/", with: "~1"))
        }
    }
}

extension OptimizerType {
    /// What the rule keeps on request, on or off.
    fileprivate func switches(_ on: Bool) -> HyperparameterOverrides {
        switch self {
        case .adam, .adamw: HyperparameterOverrides(amsgrad: on)
        case .rmsprop: HyperparameterOverrides(momentum: on ? 0.5 : 0, centered: on)
        case .sgd:
            HyperparameterOverrides(momentum: on ? 0.5 : 0, dampening: 0.25, nesterov: false)
        default: HyperparameterOverrides(lr: on ? 0.25 : 0.5)
        }
    }
}
