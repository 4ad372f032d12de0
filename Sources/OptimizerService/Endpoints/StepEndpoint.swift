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
        let ifMatch = try Preconditions.ofStep(head, current: description.tag)
        let format = try Negotiation.bodyFormat(head, allowed: TensorFormat.allCases)
        let query = try QueryParameters(head, known: format == .raw ? StepDocument.names : [])
        var tensors =
            Negotiation.prefersMinimal(head)
            ? nil : try TensorAnswer(
                head, of: description.layout, preferred: format,
                session: description.elementType)
        try tensors?.reserve(
            rooms.bodies, membersBytes: StepAnswer.membersBytes(description))
        let step = PendingStep(
            rooms: rooms, exchange: exchange, session: session, ifMatch: ifMatch,
            answer: StepAnswer(
                session: name, durability: description.durability, tensors: tensors))
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
        let document = try StepDocument(query)
        try step.check(document, description)
        let type =
            try Negotiation.elementType(head, field: "Tensor-Dtype") ?? description.elementType
        let slab = try rooms.slabForVector(
            head, elementCount: description.layout.elementCount, type: type)
        let body = VectorBody(step.exchange, into: slab) { slab, responder in
            step.run(StepGradients(slab: slab, places: .whole(type)), document, responder)
        }
        return .receive(body)
    }

    private func receiveSafetensors(
        _ step: PendingStep, _ description: SessionDescription
    ) throws(Problem) -> Decision {
        try rooms.checkFile(step.exchange.head)
        let rooms = self.rooms
        let body = SafetensorsBody(step.exchange, rooms) { (header) throws(Problem) in
            let document = try StepDocument(header, limits: rooms.formats)
            try step.check(document, description)
            let placed = try PlacedTensors(
                header, in: description.layout, root: "/gradients", pool: rooms.bodies)
            let gradients = placed.gradients
            try step.check(gradients, document)
            return SafetensorsBody.Placement(destinations: placed.destinations) { responder in
                step.run(gradients, document, responder)
            }
        }
        return .receive(body)
    }

    private func receiveJSON(
        _ step: PendingStep, _ description: SessionDescription
    ) throws(Problem) -> Decision {
        let exchange = step.exchange
        let tensors = try KnownTensors(
            description.layout, working: description.elementType.working, pool: rooms.bodies)
        let body = try rooms.documentBody(
            exchange, member: "gradients", sink: tensors.sink,
            optionBytes: ServiceLimits.documentBytes
        ) { members, responder in
            do throws(Problem) {
                let document = try Problem.mapping { () throws(SettingsFault) in
                    try StepDocument(members)
                }
                step.run(tensors.gradients, document, responder)
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

    /// Refuses now what the step would be refused for when its gradients are here.
    func check(_ document: StepDocument, _ description: SessionDescription) throws(Problem) {
        do {
            try description.check(document.options)
        } catch {
            throw Problem(error, root: "/gradients")
        }
    }

    func check(_ gradients: StepGradients, _ document: StepDocument) throws(Problem) {
        do {
            try gradients.check(against: session.layout, document.options.partial)
        } catch {
            throw Problem(error, root: "/gradients")
        }
    }

    func run(_ gradients: StepGradients, _ document: StepDocument, _ responder: Responder) {
        var request = StepRequest(gradients: gradients)
        request.options = document.options
        request.loss = document.loss
        request.ifMatch = ifMatch
        if let tensors = answer.tensors { request.reply = .vector(tensors.type) }
        session.step(request) { [self] result in
            switch result {
            case .success(let outcome):
                rooms.steps.count(applied: outcome.applied)
                rooms.write(weight: answer.tensors?.writingWeight ?? 0) {
                    responder.send(answer.response(outcome))
                }
            case .failure(let error):
                rooms.steps.countRefusal()
                responder.send(exchange.response(error, root: "/gradients"))
            }
        }
    }
}
