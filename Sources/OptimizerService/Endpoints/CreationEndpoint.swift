import HTTP1
import HTTPServer
import OptimizerSessions
import SystemIO
import TensorFormats

/// `PUT /v1/sessions/{name}`: a new session, from a document or forked from another (API §2).
struct CreationEndpoint {
    let rooms: ServiceRooms

    func create(
        _ exchange: Exchange, _ name: String, _ principal: Principal
    ) throws(Problem) -> Decision {
        let head = exchange.head
        let query = try QueryParameters(head, known: ["from", "step"])
        // Forking reads the source, for which whoever may create has the scope.
        if let source = query["from"] { try principal.require(session: source) }
        let precondition = try Preconditions.ofChange(
            head, current: rooms.currentTag(of: name))
        if let source = query["from"] {
            guard SessionName.isValid(source) else {
                throw Problem(.invalidName, at: "/from", "A session name is \(SessionName.rule).")
            }
            let step = try query.integer("step", in: 0...Int.max)
            return try fork(exchange, name, from: source, step: step, precondition)
        }
        guard query["step"] == nil else {
            throw Problem(.missingMember, at: "/from", "step says where to fork; from says whom.")
        }
        let format = try Negotiation.bodyFormat(head, allowed: [.json, .safetensors])
        try rooms.checkRoom(forSessionNamed: name, head)
        let creation = PendingCreation(
            rooms: rooms, exchange: exchange, name: name, precondition: precondition)
        switch format {
        case .json: return try receiveJSON(creation)
        case .safetensors, .raw: return try receiveSafetensors(creation)
        }
    }

    private func fork(
        _ exchange: Exchange, _ name: String, from source: String, step: Int?,
        _ precondition: Precondition?
    ) throws(Problem) -> Decision {
        guard exchange.head.isWithoutBody else {
            throw Problem(.malformedRequest, "A fork takes no body.")
        }
        let rooms = self.rooms
        return .perform { responder in
            rooms.store.fork(
                from: source, step: step, as: name, precondition: precondition
            ) { result in
                PendingCreation.answer(result, rooms, exchange, responder)
            }
        }
    }

    private func receiveJSON(_ creation: PendingCreation) throws(Problem) -> Decision {
        let head = creation.exchange.head
        var textBytes: Int?
        if case .length(let count) = head.framing {
            // Numbers in decimal, compressed, take less than half of their text.
            textBytes = Int(clamping: head.bodyCoding == nil ? count : min(count, 1 << 60) * 2)
        }
        let tensors = CollectedTensors(pool: rooms.bodies, textBytes: textBytes)
        let body = try rooms.documentBody(
            creation.exchange, member: "parameters", sink: tensors.sink,
            optionBytes: rooms.formats.jsonValueBytes
        ) { content, responder in
            creation.run(responder) { () throws(Problem) in
                (try CreationSettings(content.members), try tensors.parameters())
            }
        }
        return .receive(body)
    }

    private func receiveSafetensors(_ creation: PendingCreation) throws(Problem) -> Decision {
        try rooms.checkFile(creation.exchange.head)
        let rooms = self.rooms
        let body = SafetensorsBody(creation.exchange, rooms) { (header) throws(Problem) in
            let members = try MetadataText.object(
                header.metadata("session") ?? "{}", named: "session", limits: rooms.formats)
            let settings = try CreationSettings(members)
            return try WholeFile.placement(header, rooms) { slab, responder in
                creation.run(responder) { () throws(Problem) in
                    (settings, try InitialParameters(header, slab))
                }
            }
        }
        return .receive(body)
    }
}

/// A creation whose head was accepted and whose body is on its way.
struct PendingCreation: Sendable {
    let rooms: ServiceRooms
    let exchange: Exchange
    let name: String
    let precondition: Precondition?

    func run(
        _ responder: Responder,
        _ read: () throws(Problem) -> (CreationSettings, InitialParameters)
    ) {
        do throws(Problem) {
            let (settings, initial) = try read()
            try rooms.requireHeaderFits(initial.layout)
            var specification = SessionSpecification(
                settings: settings.session, layout: initial.layout, parameters: initial.places)
            specification.durability = settings.durability
            specification.retainSteps = settings.retainSteps
            rooms.store.create(name, specification, precondition: precondition) { result in
                PendingCreation.answer(result, rooms, exchange, responder)
            }
        } catch {
            responder.send(exchange.response(error))
        }
    }

    static func answer(
        _ result: Result<Creation, SessionError>, _ rooms: ServiceRooms, _ exchange: Exchange,
        _ responder: Responder, root: String = "/parameters"
    ) {
        switch result {
        case .success(let creation):
            responder.send(
                rooms.response(
                    creation.description, status: creation.kind == .created ? .created : .ok))
        case .failure(let error):
            responder.send(exchange.response(error, root: root))
        }
    }
}
