import HTTP1
import HTTPServer
import OptimizerSessions
import SystemIO
import TensorFormats

/// `GET` and `PUT /v1/sessions/{name}/state`: everything that resumes a run (API §3a).
struct StateEndpoint {
    let rooms: ServiceRooms

    func export(_ exchange: Exchange, _ name: String) throws(Problem) -> Decision {
        let head = exchange.head
        let session = try rooms.session(named: name)
        let query = try QueryParameters(head, known: ["step"])
        let step = try query.integer("step", in: 0...Int.max)
        let description = session.description()
        let tag = description.tag
        _ = try Negotiation.answerFormat(head, preferred: .safetensors, among: [.safetensors])
        try Negotiation.requireCoding(head, isText: false)
        if step ?? tag.step == tag.step, try Preconditions.isCurrent(head, tag),
            description.accumulated == 0
        {
            return .respond(Response.notModified(tag, varying: nil))
        }
        return .perform { responder in
            session.exportState(step: step) { result in
                switch result {
                case .success(let state):
                    responder.send(StateEndpoint.response(state, to: exchange))
                case .failure(let error): responder.send(exchange.response(error, root: ""))
                }
            }
        }
    }

    /// The preconditions are judged by the version that is answered, which may be one of before.
    private static func response(_ state: StateExport, to exchange: Exchange) -> Response {
        do {
            if try Preconditions.isCurrent(exchange.head, state.tag), !state.isBetweenSteps {
                return .notModified(state.tag, varying: nil)
            }
        } catch {
            return exchange.response(error)
        }
        var fields = ResponseFields()
        fields.add("Content-Type", TensorFormat.safetensors.mediaType)
        // The tag does not tell of gradients that were accumulated since.
        if !state.isBetweenSteps { fields.addEntityTag(state.tag) }
        let file = BodyPart.slab(state.slab, offset: 0, byteCount: state.byteCount)
        return Response(status: .ok, fields: fields, body: ResponseBody(parts: [file]))
    }

    /// Creates the session, or replaces the state of one with the same layout.
    func `import`(_ exchange: Exchange, _ name: String) throws(Problem) -> Decision {
        let head = exchange.head
        _ = try QueryParameters(head, known: [])
        let precondition = try Preconditions.ofChange(
            head, current: rooms.currentTag(of: name))
        _ = try Negotiation.bodyFormat(head, allowed: [.safetensors])
        try rooms.checkFile(head)
        try rooms.checkRoom(forSessionNamed: name, head)
        let pending = PendingImport(
            rooms: rooms, exchange: exchange, name: name,
            precondition: precondition)
        let limits = StateFile.limits(for: rooms.formats)
        return .receive(
            SafetensorsBody(exchange, rooms, formats: limits) { (header) throws(Problem) in
                try WholeFile.placement(header, rooms) { slab, responder in
                    pending.run(header, slab, responder)
                }
            })
    }
}

/// An import whose head was accepted and whose file is on its way.
private struct PendingImport: Sendable {
    let rooms: ServiceRooms
    let exchange: Exchange
    let name: String
    let precondition: Precondition?

    func run(_ header: SafetensorsHeader, _ slab: Slab, _ responder: Responder) {
        let file: StateImport
        do {
            file = try StateImport(header: header, data: slab)
        } catch {
            return responder.send(exchange.response(error, root: ""))
        }
        rooms.store.importState(file, as: name, precondition: precondition) { result in
            PendingCreation.answer(result, rooms, exchange, responder, root: "")
        }
    }
}
