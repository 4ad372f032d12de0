import Foundation
import OptimizerEngine
import SystemIO
import TensorFormats
import Testing

@testable import OptimizerSessions

@Suite struct StateFileTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let type: ElementType
        let rules: RuleSample

        var testDescription: String { "\(type) \(rules.testDescription)" }

        static let all = ElementType.allCases.flatMap { type in
            RuleSample.all.map { Case(type: type, rules: $0) }
        }

        /// Two groups; names that need escaping.
        func specification() throws -> SessionSpecification {
            let other = GroupSettings(name: "other", params: ["\"é\""], overrides: rules.other)
            let settings = SessionSettings(
                defaults: rules.defaults, groups: [other], maxGradNorm: 0.1, nonfinite: .skip)
            let layout = try TensorLayout([
                TensorDescription(name: "\"é\"", dtype: type.dtype, shape: [3, 1]),
                // Muon steps no single numbers.
                TensorDescription(
                    name: "w", dtype: type.dtype,
                    shape: rules.defaults.type == .muon ? [1, 1] : []),
                TensorDescription(name: "empty/0", dtype: type.dtype, shape: [0, 2]),
            ])
            let slab = try Slab([0.5, -1, 0, 2], type)
            return SessionSpecification(
                settings: settings, layout: layout,
                parameters: layout.byteOffsets.map {
                    TensorPlace(slab: slab, byteOffset: $0, type: type)
                })
        }
    }

    /// A state that has come as far as numbers go would be one that can be taken in and not be
    /// stepped, snapshotted or forked.
    @Test func aStateNeedsRoomForSteps() throws {
        let directory = try TemporaryDirectory()
        let half = SlotProgress.maximumStep / 2
        do {
            let world = try World(directory: directory)
            let file = try world.session("s", try durableSample()).state()
            for (step, isGood) in [(half, true), (half + 1, false), (2 * half, false)] {
                let changed = try changing(file, step: step)
                guard isGood else {
                    #expect(throws: SessionError.self) { try world.importState(changed, as: "t") }
                    #expect(throws: SessionError.self) { try world.importState(changed, as: "s") }
                    continue
                }
                for name in ["s", "t"] {
                    try world.importState(changed, as: name)
                    try world.store.session(named: name).take(gradients(6))
                    let fork = try world.fork(name, as: "\(name)-fork").description
                    #expect(fork.tag.step == half + 1)
                }
            }
        }
        let world = try World(directory: directory)
        for name in ["s", "t", "s-fork", "t-fork"] {
            #expect(try world.store.session(named: name).tag.step == half + 1)
        }
    }

    /// The file with another number of steps in its metadata, and a header as long as needed.
    private func changing(_ file: [UInt8], step: Int) throws -> [UInt8] {
        let length = Int(file[0]) | Int(file[1]) << 8 | Int(file[2]) << 16
        var header = String(decoding: file[8..<8 + length], as: UTF8.self)
        #expect(header.contains("\"step\":\"0\""))
        header = header.replacingOccurrences(of: "\"step\":\"0\"", with: "\"step\":\"\(step)\"")
        header += String(repeating: " ", count: -header.utf8.count & 7)
        let count = UInt64(header.utf8.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
            + Array(header.utf8) + file[(8 + length)...]
    }

    @Test(arguments: Case.all)
    func stateGoesOutAndComesBack(_ sample: Case) throws {
        let world = try World()
        let session = try world.session("s", sample.specification())
        for seed in 1...3 { try session.take(gradients(4, seed: seed)) }
        #expect(try !session.take([.nan, 0, 0, 0]).applied)
        let file = try session.state()
        #expect(try session.state() == file)

        let made = try world.importState(file, as: "t")
        #expect(made.kind == .created)
        #expect(made.description.tag == SessionTag(generation: 1, step: 3))
        #expect(made.description.skipped == 1)
        let copy = try world.store.session(named: "t")
        #expect(try copy.state() == file)

        // Where the run goes on makes no difference.
        try session.take(gradients(4, seed: 9))
        try copy.take(gradients(4, seed: 9))
        let next = try session.state()
        #expect(next != file)
        #expect(try copy.state() == next)

        // Back to where it was, in place.
        let inUse = world.store.budget.inUseBytes
        let created = session.description().created
        let replaced = try world.importState(file, as: "s")
        #expect(replaced.kind == .replaced)
        #expect(replaced.description.tag == SessionTag(generation: 2, step: 3))
        #expect(replaced.description.created == created)
        #expect(world.store.budget.inUseBytes == inUse)
        #expect(try session.state() == file)
        try session.take(gradients(4, seed: 9))
        #expect(try session.state() == next)
        #expect(world.pool.inUseBytes == 0)
    }

    @Test func tensorsAreNamedAndAligned() throws {
        let world = try World()
        let rules = RuleSample(
            .init(.adam, lr: 0.1), .init(lr: 1e-7, betas: (0.8, 0.99), amsgrad: true))
        let sample = Case(type: .f16, rules: rules)
        let file = try world.session("s", sample.specification()).state()
        let header = try SafetensorsHeader.parse(file: file)
        #expect(
            Set(header.tensors.map(\.name)) == [
                "step/\"é\"", "step/empty/0", "step/w",
                "parameters/\"é\"", "parameters/empty/0", "parameters/w",
                "exp_avg/\"é\"", "exp_avg/empty/0", "exp_avg/w",
                "exp_avg_sq/\"é\"", "exp_avg_sq/empty/0", "exp_avg_sq/w",
                "max_exp_avg_sq/\"é\"",
            ])
        for tensor in header.tensors {
            #expect(tensor.dtype == (tensor.name.hasPrefix("step/") ? .I64 : .F32))
            #expect(tensor.begin % tensor.dtype.byteCount == 0)
        }
        #expect((file.count - header.dataByteCount) % 8 == 0)
        #expect(header.metadata("step") == "0" && header.metadata("skipped") == "0")
        #expect(header.metadata("format_version") == "1")
        #expect(
            header.metadata("session") == """
                {"dtype":"F16","optimizer":{"type":"adam","lr":0.1,"betas":[0.9,0.999],\
                "eps":1e-8,"weight_decay":0,"amsgrad":false,"maximize":false},"param_groups":\
                [{"name":"other","params":["\\"é\\""],"lr":1e-7,"betas":[0.8,0.99],\
                "amsgrad":true}],"max_grad_norm":0.1,"nonfinite":"skip"}
                """)
    }

    @Test func anotherLayoutIsRefused() throws {
        let world = try World()
        let session = try world.session("s", .sample())
        let before = try session.state()
        for (specification, difference) in [
            (try SessionSpecification.sample(.init(), .f16), "the session is F32, the state F16"),
            (try .sample(shapes: [[2], [4]]), #"tensor "b" has shape [2, 2] in the session"#),
            (try .sample(shapes: [[2]]), #"the state has no tensor "b""#),
            (try .sample(shapes: [[2], [2, 2], [1]]), #"the session has no tensor "c""#),
        ] {
            let other = try world.session("other", specification).state()
            let error = #expect(throws: SessionError.self) {
                try world.importState(other, as: "s")
            }
            guard case .layoutMismatch(let text)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(text.hasPrefix(difference))
            try world.remove("other")
        }
        #expect(try session.state() == before && session.tag.generation == 1)
    }

    /// A state that needs the maximum's memory where there is none for it.
    @Test func withoutMemoryAReplacementChangesNothing() throws {
        var settings = SessionSettings()
        settings.defaults.amsgrad = true
        let file = try World().session("s", .sample(settings)).state()
        let needed = try World().create("s", .sample()).description.stateBytes
        let world = try World(stateBytes: needed)
        let session = try world.session("s", .sample())
        try session.take(gradients(6))
        let before = try session.state()
        #expect(throws: SessionError.overBudget(.stateBytes, limit: needed, asked: 24)) {
            try world.importState(file, as: "s")
        }
        #expect(try session.state() == before)
        #expect(world.store.budget.inUseBytes == needed)
    }

    @Test func settingsOfTheFileReplaceTheSessions() throws {
        let world = try World()
        let file = try world.session(
            "other",
            .sample(
                SessionSettings(
                    defaults: Hyperparameters(.adamw),
                    groups: [GroupSettings(name: "g", params: ["b"])],
                    maxGradNorm: 2, nonfinite: .propagate))
        ).state()
        var settings = SessionSettings()
        settings.defaults.amsgrad = true
        let session = try world.session("s", .sample(settings))
        let amsgradBytes = session.description().stateBytes
        let description = try world.importState(file, as: "s").description
        #expect(description.hyperparameters == Hyperparameters(.adamw))
        #expect(description.groups.map(\.name) == ["default", "g"])
        #expect(description.policy == StepPolicy(maxGradNorm: 2, nonfinite: .propagate))
        // A vector less, a group more.
        #expect(description.stateBytes == amsgradBytes - 24 + 514)
        let other = try world.store.session(named: "other").description().stateBytes
        #expect(world.store.budget.inUseBytes == description.stateBytes + other)
        #expect(try session.state() == file)
    }
}
