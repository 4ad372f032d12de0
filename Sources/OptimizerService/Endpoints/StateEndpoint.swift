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
        let tag = session.description().tag
        if let step, step != tag.step {
            throw Problem(SessionError.unknownStep(asked: step, current: tag), root: "")
        }
        _ = try Negotiation.answerFormat(head, preferred: .safetensors, among: [.safetensors])
        if try Preconditions.isCurrent(head, tag) {
            return .respond(Response.notModified(tag))
        }
        return .perform { responder in
            session.exportState(step: step) { result in
                switch result {
                case .success(let state): responder.send(StateEndpoint.response(state))
                case .failure(let error): responder.send(exchange.response(error, root: ""))
                }
            }
        }
    }

    private static func response(_ state: StateExport) -> Response {
        var fields = ResponseFields()
        fields.add("Content-Type", TensorFormat.safetensors.mediaType)
        fields.add("ETag", Preconditions.entityTag(state.tag))
        let file = BodyPart.slab(state.slab, offset: 0, byteCount: state.byteCount)
        return Response(status: .ok, fields: fields, body: ResponseBody(parts: [file]))
    }

    /// Creates the session, or replaces the state of one with the same layout.
    func `import`(_ exchange: Exchange, _ name: String) throws(Problem) -> Decision {
        let head = exchange.head
        _ = try QueryParameters(head, known: [])
        let ifMatch = try Preconditions.ifMatch(head)
        let demandsAbsence = try Preconditions.demandsAbsence(head)
        _ = try Negotiation.bodyFormat(head, allowed: [.safetensors])
        try rooms.checkFile(head)
        let rooms = self.rooms
        let body = SafetensorsBody(
            exchange, limits: StateFile.limits(for: rooms.formats),
            place: { (header) throws(Problem) in
                try WholeFile.placement(header, pool: rooms.bodies, limits: rooms.limits)
            },
            completion: { header, slab, responder in
                let file: StateImport
                do throws(SessionError) {
                    file = try StateImport(header: header, data: slab)
                } catch {
                    return responder.send(exchange.response(error, root: ""))
                }
                rooms.store.importState(
                    file, as: name, precondition: demandsAbsence ? .isAbsent : ifMatch
                ) { result in
                    PendingCreation.answer(result, exchange, responder, root: "")
                }
            })
        return .receive(body)
    }
}

/// The data of a safetensors file kept as it lies in the file.
enum WholeFile {
    static func placement(
        _ header: SafetensorsHeader, pool: SlabPool, limits: ServiceLimits
    ) throws(Problem) -> SafetensorsBody.Placement {
        let byteCount = header.dataByteCount
        guard byteCount <= limits.bodyBytes else {
            throw Problem.bodyTooLarge(limit: limits.bodyBytes)
        }
        let slab = try pool.take(orProblem: byteCount)
        let base = slab.base
        return SafetensorsBody.Placement(
            slab: slab, destinations: header.tensors.map { base + $0.begin })
    }
}
