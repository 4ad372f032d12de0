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
        // The key comes before everything else: a retry is answered as the first attempt was,
        // although its precondition holds no more.
        let key = try IdempotencyField.key(head)
        let receipt = try receipt(ofKey: key, session)
        let ifMatch =
            receipt == nil ? try Preconditions.ofStep(head, current: description.tag) : nil
        let format = try Negotiation.bodyFormat(head, allowed: TensorFormat.allCases)
        let query = try QueryParameters(head, known: format == .raw ? StepDocument.names : [])
        try Negotiation.checkElementTypes(head)
        var tensors =
            Negotiation.prefersMinimal(head)
            ? nil : try TensorAnswer(head, of: session, preferred: format)
        try tensors?.reserve(
            rooms.bodies, membersBytes: StepAnswer.membersBytes(description))
        let step = PendingStep(
            rooms: rooms, exchange: exchange, session: session, ifMatch: ifMatch,
            fingerprint: try RequestFingerprint(key: key, head),
            answer: StepAnswer(
                session: name, durability: description.durability, tensors: tensors))
        if let receipt { return try receiveAgain(step, receipt) }
        switch format {
        case .raw: return try receiveRaw(step, query, description)
        case .safetensors: return try receiveSafetensors(step, description)
        case .json: return try receiveJSON(step, description)
        }
    }

    private func receipt(
        ofKey key: String?, _ session: Session
    ) throws(Problem) -> StepReceipt? {
        guard let key else { return nil }
        do {
            return try session.receipt(ofKey: key)
        } catch {
            throw Problem(error, root: "")
        }
    }

    /// Of a request whose key is known only the fingerprint is of interest.
    private func receiveAgain(
        _ step: PendingStep, _ receipt: StepReceipt
    ) throws(Problem) -> Decision {
        let body = try DiscardedBody(step.exchange, rooms) { step.replay(receipt, $0) }
        return .receive(step.fingerprinted(body))
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
        return .receive(step.fingerprinted(body))
    }

    private func receiveSafetensors(
        _ step: PendingStep, _ description: SessionDescription
    ) throws(Problem) -> Decision {
        try rooms.checkFile(step.exchange.head)
        let rooms = self.rooms
        let session = step.session
        let body = SafetensorsBody(
            step.exchange, rooms, recall: session.recall
        ) { (header) throws(Problem) in
            let document = try StepDocument(header, limits: rooms.formats)
            try step.check(document, description)
            let placed = try PlacedTensors(
                header, of: session, root: "/gradients", pool: rooms.bodies)
            let gradients = placed.gradients
            try step.check(gradients, document)
            return SafetensorsBody.Placement(
                slab: placed.slab, runs: placed.runs
            ) { responder in
                step.run(gradients, document, responder)
            }
        }
        return .receive(step.fingerprinted(body))
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
        return .receive(step.fingerprinted(body))
    }
}

/// A step whose head was accepted and whose gradients are on their way.
struct PendingStep: Sendable {
    let rooms: ServiceRooms
    let exchange: Exchange
    let session: Session
    let ifMatch: Precondition?
    /// nil: the request has no idempotency key.
    let fingerprint: RequestFingerprint?
    let answer: StepAnswer

    func fingerprinted(_ body: any BodyReceiver) -> any BodyReceiver {
        fingerprint.map { FingerprintedBody(body, $0) } ?? body
    }

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
        request.reply = reply
        request.isAlone = responder.isAlone
        do {
            request.key = try fingerprint?.finish()
        } catch {
            return responder.send(exchange.response(error))
        }
        session.step(request) { answer($0, responder) }
    }

    /// Answers with what the request with the same key did.
    func replay(_ receipt: StepReceipt, _ responder: Responder) {
        do throws(Problem) {
            guard let key = try fingerprint?.finish() else { return }
            session.replay(receipt, for: key, reply: reply) { answer($0, responder) }
        } catch {
            responder.send(exchange.response(error))
        }
    }

    private var reply: StepReply { answer.tensors.map { .vector($0.type) } ?? .none }

    private func answer(_ result: Result<StepOutcome, SessionError>, _ responder: Responder) {
        switch result {
        case .success(let outcome):
            if !outcome.isReplayed { rooms.steps.count(applied: outcome.applied) }
            answer.respond(outcome, writers: rooms.writers) { responder.send($0) }
        case .failure(let error):
            rooms.steps.countRefusal()
            responder.send(exchange.response(error, root: "/gradients"))
        }
    }
}
