import OptimizerEngine
import SystemIO
import Testing

@testable import OptimizerSessions

/// Everything that can happen to a session, in a fixed order: what a recovery has to repeat.
struct History: Sendable {
    static let shapes = [[3], [2, 2], [5]]
    static let elementCount = 12

    let type: ElementType

    /// The session that all of it happens to.
    func specification(_ durability: Durability = .log) throws -> SessionSpecification {
        let group = GroupSettings(
            name: "slow", params: ["b"], overrides: HyperparameterOverrides(lr: 0.25))
        var specification = try SessionSpecification.sample(
            SessionSettings(groups: [group], maxGradNorm: 3, nonfinite: .skip),
            shapes: Self.shapes, type)
        specification.durability = durability
        specification.retainSteps = 1000
        return specification
    }

    var events: [@Sendable (World, Session) throws -> Void] {
        [
            { _, session in try session.take(try whole(1, key: "first", loss: 0.5)) },
            { _, session in try session.take(try tensors([nil, (.f64, 0), nil], 2)) },
            // Odd lengths: what follows in the payload lies on no alignment of its own.
            { _, session in try session.take(try tensors([(.f16, 0), (.f64, 6), (.bf16, 38)], 3)) },
            { _, session in try session.take(try tensors([(.f32, 8), nil, (.f16, 64)], 4)) },
            { _, session in
                let outcome = try session.take([Double](repeating: .infinity, count: 12))
                #expect(!outcome.applied)
            },
            { _, session in
                try session.change {
                    $0.defaults[.amsgrad] = true
                    $0.defaults[.lr] = 0.125
                }
            },
            { _, session in
                var request = try whole(5, key: "second", loss: nil)
                request.reply = .vector(type)
                request.options.lr = .byGroup(["slow": 0.5])
                try session.take(request)
            },
            { _, session in try overwrite(session) },
            { _, session in
                try session.change {
                    $0.groups = [("slow", HyperparameterOverrides(eps: 1e-3, weightDecay: 0.1))]
                    $0.policy.maxGradNorm = .none
                    $0.policy.normType = .three
                    $0.policy.clipValue = .value(0.75)
                }
            },
            { world, session in try importAnEarlierState(world, session) },
            { _, session in try session.change { $0.defaults[.amsgrad] = false } },
            { _, session in
                var request = try whole(8, key: nil, loss: .nan)
                request.options.gradScale = 3
                request.options.maxGradNorm = .norm(0.5)
                request.options.normType = .infinity
                request.options.clipValue = .value(0.0625)
                try session.take(request)
            },
            { _, session in try session.change { $0.defaults[.amsgrad] = true } },
            { _, session in try session.take(try whole(9, key: "third", loss: -0.0)) },
            { _, session in try session.add(try tensors([nil, (.f16, 3), nil], 10), weight: 0.5) },
            { _, session in try session.add(try whole(11, key: "fourth", loss: nil), weight: 2) },
            { _, session in try session.take(StepRequest(.accumulated(.mean, zeroes: false))) },
            { _, session in try session.take(StepRequest(.accumulated(.sum, zeroes: true))) },
            { _, session in try session.add(try whole(12, key: nil, loss: nil)) },
            { _, session in _ = try wait { session.zeroGradients(completion: $0) } },
            { _, session in
                let infinite = [Double](repeating: .infinity, count: 12)
                try session.add(StepRequest(gradients: .whole(infinite, type)))
            },
            { _, session in
                let step = StepRequest(.accumulated(.sum, zeroes: true))
                let outcome = try session.take(step)
                #expect(!outcome.applied)
            },
            { _, session in try session.change { $0.policy.concurrency = .exclusive } },
            { _, session in
                var last = try tensors([(.f64, 0), nil, (.bf16, 38)], 13)
                last.ifMatch = .isOneOf([session.tag])
                try session.add(last)
            },
            { _, session in try session.change { $0.policy.concurrency = .open } },
        ]
    }

    /// - Parameter snapshotAfter: which events are followed by a snapshot.
    func happen(
        in world: World, to session: Session, snapshotAfter: (Int) -> Bool = { _ in false }
    ) throws {
        for (index, event) in events.enumerated() {
            try event(world, session)
            if snapshotAfter(index) {
                #expect(try wait { session.snapshot(completion: $0) } != nil)
            }
        }
    }

    func whole(_ seed: Int, key: String?, loss: Double?) throws -> StepRequest {
        var request = StepRequest(
            gradients: try .whole(gradients(Self.elementCount, seed: seed), type))
        request.key = key.map { IdempotencyKey.sample($0) }
        request.loss = loss
        return request
    }

    /// Gradients of single tensors: of which type, and where in the slab.
    private func tensors(
        _ places: [(type: ElementType, offset: Int)?], _ seed: Int
    ) throws -> StepRequest {
        let slab = try Slab(byteCount: 128, zeroed: true)
        for (index, (shape, place)) in zip(Self.shapes, places).enumerated() {
            guard let place else { continue }
            let count = shape.reduce(1, *)
            let bytes = gradients(count, seed: seed + index).flatMap {
                OptimizerSessionsTests.bytes(of: $0, as: place.type)
            }
            UnsafeMutableRawBufferPointer(rebasing: slab.bytes[place.offset...])
                .copyBytes(from: bytes)
        }
        return StepRequest(
            gradients: StepGradients(
                slab: slab,
                places: .each(
                    places.map { place in
                        place.map { GradientPlace(byteOffset: $0.offset, type: $0.type) }
                    })))
    }

    private func overwrite(_ session: Session) throws {
        let slab = try Slab((0..<5).map { Double($0) / 8 }, .f64)
        let place = TensorPlace(slab: slab, byteOffset: 0, type: .f64)
        _ = try wait { session.writeParameters([nil, nil, place], completion: $0) }
    }

    private func importAnEarlierState(_ world: World, _ session: Session) throws {
        let earlier = try session.state()
        try session.take(try whole(6, key: nil, loss: 1))
        try session.take(try whole(7, key: nil, loss: 2))
        #expect(try world.importState(earlier, as: session.name).kind == .replaced)
    }
}

extension IdempotencyKey {
    static func sample(_ text: String) -> IdempotencyKey {
        let fingerprint = (0..<IdempotencyKey.fingerprintBytes).map { UInt8($0) }
        return IdempotencyKey(text: text, fingerprint: fingerprint)
    }
}

/// Everything that is known of a session, as bytes.
struct Portrait: Equatable {
    let state: [UInt8]
    /// All members but the layout, whose text has no fixed order; the state file says all of it.
    let description: [String]
    /// Receipts and keys.
    let book: [UInt8]

    init(_ session: Session) throws {
        state = try session.state()
        description = Mirror(reflecting: session.description()).children
            .filter { $0.label != "layout" }.map { "\($0.label ?? ""): \($0.value)" }
        book = session.book.withLock { book in
            var writer = ByteWriter()
            book.write(to: &writer)
            return writer.bytes
        }
    }
}

extension [String: Portrait] {
    /// Names of sessions that differ, and in what.
    func differences(from other: [String: Portrait]) -> [String] {
        Set(keys).union(other.keys).sorted().flatMap { name -> [String] in
            guard let mine = self[name], let its = other[name] else {
                return ["\(name) is missing"]
            }
            var found = zip(mine.description, its.description).filter { $0 != $1 }.map {
                "\(name): \($0) instead of \($1)"
            }
            if mine.state != its.state { found.append("\(name): state") }
            if mine.book != its.book { found.append("\(name): receipts") }
            return found
        }
    }
}

extension World {
    /// Of all sessions that are there, by name.
    func portraits() throws -> [String: Portrait] {
        try Dictionary(
            uniqueKeysWithValues: store.list(pageSize: 1000).entries.map { name, _ in
                (name, try Portrait(store.session(named: name)))
            })
    }
}

/// A session of six F32 parameters that outlives its process.
func durableSample(retainSteps: Int? = nil) throws -> SessionSpecification {
    var specification = try SessionSpecification.sample()
    specification.durability = .log
    specification.retainSteps = retainSteps
    return specification
}
