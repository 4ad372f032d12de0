import OptimizerEngine
import SystemIO
import TensorFormats
import Testing

@testable import OptimizerSessions

/// Whatever is refused leaves every byte of the state as it was.
@Suite struct RefusalTests {
    private let world: World
    private let session: Session

    init() throws {
        world = try World()
        let slow = GroupSettings(
            name: "slow", params: ["b"], overrides: HyperparameterOverrides(lr: 0.5))
        session = try world.session("s", .sample(SessionSettings(groups: [slow])))
        try session.take(gradients(6))
    }

    private func expectRefusal(
        _ expected: SessionError, sourceLocation: SourceLocation = #_sourceLocation,
        _ operation: () throws -> Void
    ) throws {
        let state = try session.state()
        let description = session.description()
        #expect(throws: expected, sourceLocation: sourceLocation, performing: operation)
        #expect(try session.state() == state, sourceLocation: sourceLocation)
        #expect(session.tag == description.tag, sourceLocation: sourceLocation)
        #expect(session.description().updated == description.updated)
    }

    private func settings(
        _ kind: SettingsFault.Kind, _ pointer: String, _ detail: String
    ) -> SessionError {
        .invalidSettings(SettingsFault(kind, pointer, detail))
    }

    private func request(_ change: (inout StepRequest) -> Void) throws -> StepRequest {
        var request = StepRequest(gradients: try .whole(gradients(6)))
        change(&request)
        return request
    }

    @Test func stepOptionsOutOfRange() throws {
        let number = "must be a finite number ≥ 0"
        for (error, change) in [
            (
                settings(.invalidHyperparameter, "/lr", "\(number), not -1"),
                { $0.options.lr = .all(-1) }
            ),
            (
                settings(.invalidHyperparameter, "/lr/slow", "\(number), not Infinity"),
                { $0.options.lr = .byGroup(["default": 1, "slow": .infinity]) }
            ),
            (
                settings(.unknownMember, "/lr/a~1b", "is no parameter group of the session"),
                { $0.options.lr = .byGroup(["a/b": 1]) }
            ),
            (
                settings(
                    .invalidHyperparameter, "/grad_scale",
                    "must be a finite number > 0 in the parameters' precision, not 0"),
                { $0.options.gradScale = 0 }
            ),
            (
                settings(.invalidHyperparameter, "/max_grad_norm", "\(number), not -2"),
                { $0.options.maxGradNorm = .norm(-2) }
            ),
        ] as [(SessionError, (inout StepRequest) -> Void)] {
            let request = try request(change)
            try expectRefusal(error) { try session.take(request) }
        }
    }

    @Test func stepPreconditions() throws {
        let current = SessionTag(generation: 1, step: 1)
        let old = Precondition.isOneOf([SessionTag(generation: 1, step: 0)])
        let stale = try request { $0.ifMatch = old }
        try expectRefusal(.stepMismatch(expected: old, current: current)) {
            try session.take(stale)
        }
        let fresh = try request { $0.ifMatch = .isOneOf([current]) }
        #expect(try session.take(fresh).step == 2)
    }

    @Test func gradientsThatDoNotFit() throws {
        let short = StepGradients(slab: try Slab(byteCount: 20), places: .whole(.f32))
        try expectRefusal(
            .shapeMismatch(tensor: nil, expected: "24 bytes", actual: "20 bytes")
        ) { try session.take(StepRequest(gradients: short)) }

        let slab = try Slab(byteCount: 24)
        func places(_ places: [GradientPlace?]) -> StepRequest {
            StepRequest(gradients: StepGradients(slab: slab, places: .each(places)))
        }
        try expectRefusal(.missingGradient(tensors: ["a", "b"])) {
            try session.take(places([nil, nil]))
        }
        try expectRefusal(
            .shapeMismatch(tensor: nil, expected: "2 tensors", actual: "1 tensors")
        ) { try session.take(places([nil])) }
        for offset in [9, 24, 25, Int.max] {
            let place = GradientPlace(byteOffset: offset, type: .f32)
            let actual = "\(max(0, 24 - offset)) bytes"
            try expectRefusal(
                .shapeMismatch(tensor: "b", expected: "16 bytes", actual: actual)
            ) { try session.take(places([nil, place])) }
        }
        let negative = GradientPlace(byteOffset: -4, type: .f32)
        #expect(throws: SessionError.self) { try session.take(places([negative, nil])) }
    }

    @Test func patches() throws {
        let number = "must be a finite number ≥ 0"
        for (error, change) in [
            (
                settings(.invalidHyperparameter, "/optimizer/lr", "\(number), not -1"),
                { $0.defaults[.lr] = -1 }
            ),
            (
                settings(
                    .invalidHyperparameter, "/param_groups/0/betas/1",
                    "must be a number ≥ 0 and < 1, not 1"),
                { $0.groups = [("slow", HyperparameterOverrides(betas: (0.9, 1)))] }
            ),
            (
                settings(
                    .unknownMember, "/param_groups/1/name",
                    "is no parameter group of the session"),
                { $0.groups = [("slow", .init(lr: 2)), ("fast", .init(lr: 1))] }
            ),
            (
                settings(
                    .invalidHyperparameter, "/param_groups/1/name",
                    "names the group \"slow\" a second time"),
                { $0.groups = [("slow", .init(lr: 2)), ("slow", .init(lr: 1))] }
            ),
            (
                settings(.invalidHyperparameter, "/max_grad_norm", "\(number), not NaN"),
                {
                    $0.defaults[.lr] = 7
                    $0.policy.maxGradNorm = .norm(.nan)
                }
            ),
        ] as [(SessionError, (inout SessionPatch) -> Void)] {
            try expectRefusal(error) { try session.change(nil, change) }
        }
    }

    @Test func preconditionsOfRevisions() throws {
        let stale = Precondition.isOneOf([SessionTag(generation: 1, step: 0)])
        let error = SessionError.preconditionFailed(
            expected: stale, current: SessionTag(generation: 1, step: 1))
        let file = try session.state()
        try expectRefusal(error) { try session.change(stale) { $0.defaults[.lr] = 1 } }
        try expectRefusal(error) { try world.remove("s", ifMatch: stale) }
        try expectRefusal(error) { try world.importState(file, as: "s", precondition: stale) }
        try expectRefusal(error) {
            _ = try wait { session.writeParameters([nil, nil], ifMatch: stale, completion: $0) }
        }
    }

    @Test func parametersThatCannotBe() throws {
        func write(_ places: [TensorPlace?]) throws {
            _ = try wait { session.writeParameters(places, completion: $0) }
        }
        let finite = try Slab([1, 2, 3, 4], .f64)
        let infinite = try Slab([1, 2, -.infinity, 4], .f64)
        let huge = try Slab([1e300, 1, 1, 1], .f64)
        let a = TensorPlace(slab: finite, byteOffset: 0, type: .f64)
        for slab in [infinite, huge] {
            try expectRefusal(.nonfiniteParameter(tensors: ["b"])) {
                try write([a, TensorPlace(slab: slab, byteOffset: 0, type: .f64)])
            }
        }
        try expectRefusal(
            .shapeMismatch(tensor: "b", expected: "32 bytes", actual: "24 bytes")
        ) { try write([a, TensorPlace(slab: finite, byteOffset: 8, type: .f64)]) }
        try expectRefusal(
            .shapeMismatch(tensor: nil, expected: "2 tensors", actual: "1 tensors")
        ) { try write([a]) }
    }
}
