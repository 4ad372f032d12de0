import HTTP1
import HTTPServer
import OptimizerEngine
import OptimizerSessions
import SystemIO
import TensorFormats

/// `POST /v1/sessions/{name}/steps`: gradients in, one optimizer step, updated parameters out.
struct StepEndpoint {
    let rooms: ServiceRooms

    /// Everything that the head alone can refuse is refused here, before a body byte is read.
    func decide(_ exchange: Exchange, _ name: String) throws(Problem) -> Decision {
        let head = exchange.head
        let session = try rooms.session(named: name)
        let description = session.description()
        let ifMatch = try Preconditions.ifMatch(head)
        if let ifMatch, !ifMatch.holds(for: description.tag) {
            throw Problem(
                SessionError.stepMismatch(expected: ifMatch, current: description.tag), root: "")
        }
        let format = try Negotiation.bodyFormat(head, allowed: TensorFormat.allCases)
        let query = try QueryParameters(head, known: format == .raw ? StepOptions.names : [])
        let tensors =
            Negotiation.prefersMinimal(head)
            ? nil : try TensorAnswer(
                head, of: description.layout.tensors, preferred: format,
                session: description.dtype)
        let step = PendingStep(
            rooms: rooms, exchange: exchange, session: session, ifMatch: ifMatch,
            answer: StepAnswer(session: name, tensors: tensors))
        switch format {
        case .raw: return try receiveRaw(step, query, description)
        case .safetensors: return try receiveSafetensors(step, description)
        case .json: return try receiveJSON(step, description)
        }
    }

    private func receiveRaw(
        _ step: PendingStep, _ query: QueryParameters, _ description: SessionDescription
    ) throws(Problem) -> Decision {
        let head = step.exchange.head
        let options = try Problem.mapping { () throws(SettingsFault) in try StepOptions(query) }
        let dtype = try Negotiation.tensorDType(head, field: "Tensor-Dtype") ?? description.dtype
        guard let type = ElementType(dtype) else {
            throw Problem(.dtypeMismatch, "Tensor-Dtype names no parameter type.")
        }
        let slab = try rooms.slabForVector(
            head, elementCount: description.layout.elementCount, dtype: dtype)
        let body = VectorBody(step.exchange, into: slab) { slab, responder in
            step.run(StepGradients(slab: slab, places: .whole(type)), options, responder)
        }
        return .receive(body)
    }

    private func receiveSafetensors(
        _ step: PendingStep, _ description: SessionDescription
    ) throws(Problem) -> Decision {
        try rooms.checkFile(step.exchange.head)
        let rooms = self.rooms
        var accepted: (placed: PlacedTensors, options: StepOptions)?
        let body = SafetensorsBody(
            step.exchange, limits: rooms.formats,
            place: { (header) throws(Problem) in
                let options = try StepOptions(header, limits: rooms.formats)
                let placed = try PlacedTensors(
                    header, in: description.layout, root: "/gradients", pool: rooms.bodies)
                try placed.requireGradients(options.partial, description.layout)
                accepted = (placed, options)
                return SafetensorsBody.Placement(
                    slab: placed.slab, destinations: placed.destinations)
            },
            completion: { _, _, responder in
                guard let (placed, options) = accepted else { return }
                step.run(placed.gradients, options, responder)
            })
        return .receive(body)
    }

    private func receiveJSON(
        _ step: PendingStep, _ description: SessionDescription
    ) throws(Problem) -> Decision {
        let exchange = step.exchange
        let tensors = try KnownTensors(
            description.layout, working: description.dtype.working, pool: rooms.bodies)
        let body = try rooms.documentBody(
            exchange, member: "gradients", sink: tensors.sink, optionBytes: StepOptions.limitBytes
        ) { members, responder in
            do throws(Problem) {
                let options = try Problem.mapping { () throws(SettingsFault) in
                    try StepOptions(members)
                }
                try tensors.requireGradients(options.partial)
                step.run(tensors.gradients, options, responder)
            } catch {
                responder.send(exchange.response(error))
            }
        }
        return .receive(body)
    }
}

/// A step whose head was accepted and whose gradients are on their way.
struct PendingStep: Sendable {
    let rooms: ServiceRooms
    let exchange: Exchange
    let session: Session
    let ifMatch: Precondition?
    let answer: StepAnswer

    func run(_ gradients: StepGradients, _ options: StepOptions, _ responder: Responder) {
        var request = StepRequest(gradients: gradients)
        request.learningRate = options.lr
        request.gradScale = options.gradScale
        request.maxGradNorm = options.maxGradNorm
        request.nonfinite = options.nonfinite
        request.loss = options.loss
        request.ifMatch = ifMatch
        if let type = answer.tensors.flatMap({ ElementType($0.dtype) }) { request.reply = .vector(type) }
        session.step(request) { [self] result in
            switch result {
            case .success(let outcome):
                rooms.steps.count(applied: outcome.applied)
                rooms.write(answer.tensors, count: session.layout.elementCount) {
                    responder.send(answer.response(outcome))
                }
            case .failure(let error):
                rooms.steps.countRefusal()
                responder.send(exchange.response(error, root: "/gradients"))
            }
        }
    }
}
