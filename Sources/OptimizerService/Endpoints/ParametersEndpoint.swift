import HTTP1
import HTTPServer
import OptimizerEngine
import OptimizerSessions
import SystemIO
import TensorFormats

/// `GET` and `PUT /v1/sessions/{name}/parameters`.
struct ParametersEndpoint {
    let rooms: ServiceRooms
    let polls: PollRoom

    func read(_ exchange: Exchange, _ name: String) throws(Problem) -> Decision {
        let head = exchange.head
        let session = try rooms.session(named: name)
        let description = session.description()
        let query = try QueryParameters(head, known: ["tensor"])
        let tensor = try index(of: query["tensor"], in: description.layout)
        var tensors = try TensorAnswer(
            head, of: session, tensor: tensor, preferred: .json)
        if try Preconditions.isCurrent(head, description.tag) {
            let seconds = Negotiation.waitSeconds(head)
            if seconds > 0, try Preconditions.namesVersions(head) {
                let polls = polls
                return .perform { [tensors] responder in
                    polls.wait(
                        Poll(
                            exchange, of: session, tag: description.tag, tensors: tensors,
                            tensor: tensor, seconds: seconds, responder))
                }
            }
            return .respond(
                Response.notModified(
                    description.tag, variant: tensors.tagVariant, varying: tensors.varying))
        }
        try tensors.reserve(rooms.bodies, membersBytes: ParametersAnswer.membersBytes)
        let answer = ParametersAnswer(tensors: tensors)
        return .perform { responder in
            send(answer, of: session, tensor: tensor, exchange, responder)
        }
    }

    /// - Returns: nil for all tensors.
    private func index(of name: String?, in layout: TensorLayout) throws(Problem) -> Int? {
        guard let name else { return nil }
        guard let index = layout.index(of: name) else {
            throw Problem(.unknownTensor, "The session has no tensor named '\(name)'.")
        }
        return index
    }

    private func send(
        _ answer: ParametersAnswer, of session: Session, tensor: Int?, _ exchange: Exchange,
        _ responder: Responder
    ) {
        session.readParameters(type: answer.tensors.type, tensor: tensor) { result in
            switch result {
            case .success(let read):
                do throws(Problem) {
                    try answer.respond(read, writers: rooms.writers) { responder.send($0) }
                } catch {
                    responder.send(exchange.response(error))
                }
            case .failure(let error):
                responder.send(exchange.response(error, root: "/parameters"))
            }
        }
    }

    func overwrite(_ exchange: Exchange, _ name: String) throws(Problem) -> Decision {
        let head = exchange.head
        let session = try rooms.session(named: name)
        let description = session.description()
        _ = try QueryParameters(head, known: [])
        let ifMatch = try Preconditions.ofChange(head, current: description.tag)
        let format = try Negotiation.bodyFormat(head, allowed: TensorFormat.allCases)
        try Negotiation.checkElementTypes(head)
        var tensors =
            Negotiation.prefersMinimal(head)
            ? nil : try TensorAnswer(head, of: session, preferred: format)
        try tensors?.reserve(rooms.bodies, membersBytes: ParametersAnswer.membersBytes)
        let write = PendingOverwrite(
            rooms: rooms, exchange: exchange, session: session, ifMatch: ifMatch,
            layout: description.layout, tensors: tensors)
        switch format {
        case .raw: return try receiveRaw(write, description)
        case .safetensors: return try receiveSafetensors(write)
        case .json: return try receiveJSON(write, description)
        }
    }

    private func receiveRaw(
        _ write: PendingOverwrite, _ description: SessionDescription
    ) throws(Problem) -> Decision {
        let head = write.exchange.head
        let type =
            try Negotiation.elementType(head, field: "Tensor-Dtype") ?? description.elementType
        let slab = try rooms.slabForVector(
            head, elementCount: write.layout.elementCount, type: type)
        return .receive(
            VectorBody(write.exchange, into: slab) { slab, responder in
                let whole = Gradients.Places.whole(type)
                write.run(whole.tensors(of: write.layout, in: slab), responder)
            })
    }

    private func receiveSafetensors(_ write: PendingOverwrite) throws(Problem) -> Decision {
        try rooms.checkFile(write.exchange.head)
        let rooms = self.rooms
        let session = write.session
        let body = SafetensorsBody(
            write.exchange, rooms, recall: session.recall
        ) { (header) throws(Problem) in
            let placed = try PlacedTensors(
                header, of: session, root: "/parameters", pool: rooms.bodies)
            return SafetensorsBody.Placement(
                slab: placed.slab, runs: placed.runs
            ) { responder in
                write.run(placed.tensorPlaces, responder)
            }
        }
        return .receive(body)
    }

    private func receiveJSON(
        _ write: PendingOverwrite, _ description: SessionDescription
    ) throws(Problem) -> Decision {
        let exchange = write.exchange
        let known = try KnownTensors(
            write.layout, working: description.elementType.working, pool: rooms.bodies)
        let body = try rooms.documentBody(
            exchange, member: "parameters", sink: known.sink,
            optionBytes: ServiceLimits.documentBytes
        ) { content, responder in
            if let member = content.members.first {
                let pointer = JSONPointer.of(member.name)
                return responder.send(
                    exchange.response(
                        Problem(.unknownMember, at: pointer, "This member is not known here.")))
            }
            write.run(known.tensorPlaces, responder)
        }
        return .receive(body)
    }
}

/// An overwrite whose head was accepted and whose tensors are on their way.
struct PendingOverwrite: Sendable {
    let rooms: ServiceRooms
    let exchange: Exchange
    let session: Session
    let ifMatch: Precondition?
    let layout: TensorLayout
    /// nil: `Prefer: return=minimal`.
    let tensors: TensorAnswer?

    func run(_ places: [TensorPlace?], _ responder: Responder) {
        // It would change nothing but the generation, and is a client's mistake.
        guard places.contains(where: { $0 != nil }) else {
            return responder.send(
                exchange.response(
                    Problem(
                        .missingMember, at: "/parameters", "At least one parameter is to be given.")
                ))
        }
        let reply: StepReply =
            tensors.map { .vector($0.type) } ?? .none
        session.writeParameters(places, ifMatch: ifMatch, reply: reply) { [self] result in
            switch result {
            case .success(let written):
                guard let tensors, let vector = written.vector else {
                    return responder.send(Response.minimal(written.tag))
                }
                let answer = ParametersAnswer(tensors: tensors)
                answer.respond(written.tag, vector, writers: rooms.writers) { responder.send($0) }
            case .failure(let error):
                responder.send(exchange.response(error, root: "/parameters"))
            }
        }
    }
}
