import OptimizerEngine
import SystemIO
import TensorFormats

/// What became of a request to make a session.
package struct Creation: Sendable {
    package enum Kind: Sendable {
        case created
        /// The session was there already, made by the same request.
        case repeated
        /// The session's state was replaced by an import.
        case replaced
    }

    package let kind: Kind
    package let description: SessionDescription
}

extension SessionStore {
    /// Makes a session, or finds the one that the same creation has made before, whatever
    /// happened to it since.
    package func create(
        _ name: String, _ specification: SessionSpecification,
        precondition: Precondition? = nil, completion: @escaping SessionCompletion<Creation>
    ) {
        // Judging many tensors and widening 16-bit ones are work on every element too.
        context.run(weight: specification.layout.weight) { [self] in
            do throws(SessionError) {
                try CreationRun(
                    name, specification, precondition: precondition, store: self,
                    completion: completion
                ).start()
            } catch {
                completion(.failure(error))
            }
        }
    }
}

/// One creation on its way: judge, digest, build, insert.
///
/// Two creations of one name may race; both build, the first inserts, and the other is compared
/// with it as if it had come later. `@unchecked Sendable`: only the digest's tiles overlap.
private final class CreationRun: @unchecked Sendable {
    private let name: String
    private let specification: SessionSpecification
    private let precondition: Precondition?
    private let store: SessionStore
    private let completion: SessionCompletion<Creation>
    private let elementType: ElementType
    private let settings: ResolvedSettings
    private let digest: ParameterDigestJob

    init(
        _ name: String, _ specification: SessionSpecification, precondition: Precondition?,
        store: SessionStore, completion: @escaping SessionCompletion<Creation>
    ) throws(SessionError) {
        guard SessionName.isValid(name) else { throw .invalidName(name: name) }
        elementType = try specification.elementType()
        settings = try ResolvedSettings(specification.settings, layout: specification.layout)
        self.specification = try specification.inWorkingPrecision(
            of: elementType, store.context)
        digest = try ParameterDigestJob(self.specification)
        self.name = name
        self.precondition = precondition
        self.store = store
        self.completion = completion
    }

    func start() {
        store.context.run(
            weight: specification.layout.weight, tiles: digest.tileCount,
            { [digest] in digest.run(tile: $0) }, then: { self.finish() })
    }

    private func finish() {
        let identity = CreationIdentity(
            settings, durability: specification.durability, layout: specification.layout,
            parameters: digest.digest)
        let insertion = SessionInsertion(
            name: name, precondition: precondition, store: store, completion: completion
        ) { existing throws(SessionError) in try self.compare(identity, with: existing) }
        insertion.run { () throws(SessionError) in
            SessionDraft(
                name: name, state: try build(), origin: .creation(identity),
                durability: specification.durability, retainSteps: specification.retainSteps)
        }
    }

    private func build() throws(SessionError) -> SessionState {
        let state = try SessionState(
            settings, layout: specification.layout, elementType: elementType,
            budget: store.budget)
        let bad = state.nonFiniteTensors(in: specification.parameters)
        guard bad.isEmpty else { throw .nonfiniteParameter(tensors: bad) }
        let outOfRange = try specification.tensorsOutOfRange(of: elementType, store.context)
        guard outOfRange.isEmpty else { throw .nonfiniteParameter(tensors: outOfRange) }
        state.overwriteParameters(with: specification.parameters)
        state.optimizer.startMoments()
        return state
    }

    private func compare(
        _ identity: CreationIdentity, with existing: Session
    ) throws(SessionError) -> Creation {
        let description = existing.description()
        if let precondition, !precondition.holds(for: description.tag) {
            throw .preconditionFailed(expected: precondition, current: description.tag)
        }
        let difference: String? =
            switch existing.origin {
            case .creation where existing.retainSteps != specification.retainSteps:
                "retain_steps differs"
            case .creation(let original): identity.difference(from: original)
            case .fork: "the session was forked from another"
            case .stateFile: "the session was made from a state file"
            }
        if let difference { throw .sessionExists(name: name, difference: difference) }
        return Creation(kind: .repeated, description: description)
    }
}

extension ParameterDigestJob {
    fileprivate convenience init(_ specification: SessionSpecification) throws(SessionError) {
        do {
            try self.init(
                zip(specification.layout.tensors, specification.parameters).map { tensor, place in
                    let end = place.byteOffset + tensor.elementCount * place.type.byteCount
                    return (slab: place.slab, range: place.byteOffset..<end)
                })
        } catch {
            throw .outOfMemory(bytes: specification.layout.tensors.count * BLAKE2b.digestBytes)
        }
    }
}
