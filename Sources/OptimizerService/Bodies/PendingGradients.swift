import HTTPServer
import OptimizerEngine
import OptimizerSessions
import TensorFormats

/// A request whose head was accepted and that brings gradients, in whatever format.
protocol PendingGradients: Sendable {
    associatedtype Options: OptionsDocument

    var rooms: ServiceRooms { get }
    var exchange: Exchange { get }
    var session: Session { get }
    /// nil: the request has no idempotency key.
    var fingerprint: RequestFingerprint? { get }

    /// Refuses now what the request would be refused for when its gradients are here.
    func check(_ options: Options, _ description: SessionDescription) throws(Problem)
    func check(_ gradients: StepGradients, _ options: Options) throws(Problem)

    func run(_ gradients: StepGradients, _ options: Options, _ responder: Responder)

    /// What is done for a JSON document without gradients.
    func runWithoutGradients(_ options: Options, _ responder: Responder)
}

extension PendingGradients {
    func receive(
        _ format: TensorFormat, _ query: QueryParameters, _ description: SessionDescription
    ) throws(Problem) -> Decision {
        switch format {
        case .raw: .receive(fingerprinted(try rawBody(query, description)))
        case .safetensors: .receive(fingerprinted(try safetensorsBody(description)))
        case .json: .receive(fingerprinted(try documentBody(description)))
        }
    }

    /// Of a request whose key is known only the fingerprint is of interest.
    func receiveAgain(
        _ completion: @escaping (Responder) -> Void
    ) throws(Problem) -> Decision {
        .receive(fingerprinted(try DiscardedBody(exchange, rooms, completion: completion)))
    }

    private func fingerprinted(_ body: any BodyReceiver) -> any BodyReceiver {
        fingerprint.map { FingerprintedBody(body, $0) } ?? body
    }

    private func rawBody(
        _ query: QueryParameters, _ description: SessionDescription
    ) throws(Problem) -> any BodyReceiver {
        let options = try Options(query)
        try check(options, description)
        let type =
            try Negotiation.elementType(exchange.head, field: "Tensor-Dtype")
            ?? description.elementType
        let slab = try rooms.slabForVector(
            exchange.head, elementCount: description.layout.elementCount, type: type)
        return VectorBody(exchange, into: slab) { slab, responder in
            run(StepGradients(slab: slab, places: .whole(type)), options, responder)
        }
    }

    private func safetensorsBody(
        _ description: SessionDescription
    ) throws(Problem) -> any BodyReceiver {
        try rooms.checkFile(exchange.head)
        return SafetensorsBody(
            exchange, rooms, recall: session.recall
        ) { (header) throws(Problem) in
            let options = try Options(header, limits: rooms.formats)
            try check(options, description)
            let placed = try PlacedTensors(
                header, of: session, root: "/gradients", pool: rooms.bodies)
            let gradients = placed.gradients
            try check(gradients, options)
            return SafetensorsBody.Placement(slab: placed.slab, runs: placed.runs) { responder in
                run(gradients, options, responder)
            }
        }
    }

    private func documentBody(
        _ description: SessionDescription
    ) throws(Problem) -> any BodyReceiver {
        let tensors = try KnownTensors(
            description.layout, working: description.elementType.working, pool: rooms.bodies)
        return try rooms.documentBody(
            exchange, member: "gradients", isOptional: true, sink: tensors.sink,
            optionBytes: ServiceLimits.documentBytes
        ) { content, responder in
            do throws(Problem) {
                let options = try Problem.mapping { () throws(SettingsFault) in
                    try Options(content.members)
                }
                guard content.hasTensors else {
                    return runWithoutGradients(options, responder)
                }
                try check(options, description)
                run(tensors.gradients, options, responder)
            } catch {
                responder.send(exchange.response(error))
            }
        }
    }
}
