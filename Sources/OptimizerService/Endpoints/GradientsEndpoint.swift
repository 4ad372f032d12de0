import HTTP1
import HTTPServer
import OptimizerSessions
import TensorFormats

/// `POST /v1/sessions/{name}/gradients`: gradients for a step to come, of all parameters or some,
/// and `DELETE`, which is `zero_grad`.
struct GradientsEndpoint {
    let rooms: ServiceRooms

    /// Everything that the head alone can refuse is refused here, before a body byte is read.
    func add(_ exchange: Exchange, _ name: String) throws(Problem) -> Decision {
        let head = exchange.head
        let session = try rooms.session(named: name)
        let description = session.description()
        let key = try IdempotencyField.key(head)
        let receipt = try rooms.receipt(ofKey: key, session)
        let ifMatch =
            receipt == nil ? try Preconditions.ofStep(head, of: description) : nil
        let format = try Negotiation.bodyFormat(head, allowed: TensorFormat.allCases)
        let query = try QueryParameters(
            head, known: format == .raw ? AccumulationDocument.names : [])
        try Negotiation.checkElementTypes(head)
        _ = try Negotiation.answerFormat(head, preferred: .json, among: [.json])
        let pending = PendingAccumulation(
            rooms: rooms, exchange: exchange, session: session, ifMatch: ifMatch,
            fingerprint: try RequestFingerprint(key: key, head))
        if let receipt { return try pending.receiveAgain { pending.replay(receipt, $0) } }
        return try pending.receive(format, query, description)
    }

    func zero(_ exchange: Exchange, _ name: String) throws(Problem) -> Decision {
        _ = try QueryParameters(exchange.head, known: [])
        let session = try rooms.session(named: name)
        let ifMatch = try Preconditions.ofChange(exchange.head, current: session.tag)
        return .perform { responder in
            session.zeroGradients(ifMatch: ifMatch) { result in
                switch result {
                case .success(let accumulation):
                    var fields = ResponseFields()
                    fields.addEntityTag(accumulation.tag)
                    responder.send(
                        Response(status: .noContent, fields: fields, body: .empty))
                case .failure(let error): responder.send(exchange.response(error, root: ""))
                }
            }
        }
    }
}

/// Gradients whose head was accepted and whose body is on its way.
private struct PendingAccumulation: PendingGradients {
    let rooms: ServiceRooms
    let exchange: Exchange
    let session: Session
    let ifMatch: Precondition?
    let fingerprint: RequestFingerprint?

    func check(
        _ document: AccumulationDocument, _ description: SessionDescription
    ) throws(Problem) {
        try document.check(description.elementType.working)
    }

    /// Some of the parameters are enough.
    func check(_ gradients: StepGradients, _ document: AccumulationDocument) {}

    func runWithoutGradients(_ document: AccumulationDocument, _ responder: Responder) {
        responder.send(
            exchange.response(
                Problem(.missingMember, at: "/gradients", "The member gradients is missing.")))
    }

    func run(
        _ gradients: StepGradients, _ document: AccumulationDocument, _ responder: Responder
    ) {
        var request = AccumulationRequest(gradients: gradients)
        request.weight = document.weight
        request.ifMatch = ifMatch
        do {
            request.key = try fingerprint?.finish()
        } catch {
            return responder.send(exchange.response(error))
        }
        session.accumulate(request) { answer($0, responder) }
    }

    /// Answers with what the request with the same key did.
    func replay(_ receipt: StepReceipt, _ responder: Responder) {
        do throws(Problem) {
            guard let key = try fingerprint?.finish() else { return }
            session.replay(receipt, for: key) { answer($0, responder) }
        } catch {
            responder.send(exchange.response(error))
        }
    }

    private func answer(_ result: Result<Accumulation, SessionError>, _ responder: Responder) {
        switch result {
        case .success(let accumulation): responder.send(response(accumulation))
        case .failure(let error):
            responder.send(exchange.response(error, root: "/gradients"))
        }
    }

    private func response(_ accumulation: Accumulation) -> Response {
        var fields = ResponseFields()
        fields.add("Optimizer-Step", accumulation.tag.step)
        fields.add("Optimizer-Accumulated", accumulation.count)
        fields.add("Optimizer-Durability", session.durability.rawValue)
        if accumulation.isReplayed { fields.add("Idempotency-Replayed", "true") }
        fields.addEntityTag(accumulation.tag)
        if Negotiation.prefersMinimal(exchange.head) {
            fields.add("Preference-Applied", "return=minimal")
            return Response(status: .noContent, fields: fields, body: .empty)
        }
        fields.add("Content-Type", TensorFormat.json.mediaType)
        fields.add("Vary", Vary.coding)
        var json = JSONWriter()
        json.beginObject()
        json.member("session", session.name)
        json.member("generation", accumulation.tag.generation)
        json.member("step", accumulation.tag.step)
        json.member("accumulated", accumulation.count)
        json.member("durability", session.durability.rawValue)
        json.endObject()
        return Response(status: .ok, fields: fields, body: .bytes(json.bytes))
    }
}
