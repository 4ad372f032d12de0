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
        let receipt = try rooms.receipt(ofKey: key, session)
        let ifMatch =
            receipt == nil ? try Preconditions.ofStep(head, of: description) : nil
        let format = try bodyFormat(head)
        var query = try QueryParameters(
            head, known: format == .raw || format == nil ? StepDocument.namesInQuery : ["norms"])
        let asksNorms = try query.takeNorms()
        try Negotiation.checkElementTypes(head)
        var tensors =
            Negotiation.prefersMinimal(head)
            ? nil : try TensorAnswer(head, of: session, preferred: format ?? .json)
        if asksNorms { try StepEndpoint.requireJSON(tensors) }
        try tensors?.reserve(
            rooms.bodies,
            membersBytes: StepAnswer.membersBytes(description, withNorms: asksNorms))
        let step = PendingStep(
            rooms: rooms, exchange: exchange, session: session, ifMatch: ifMatch,
            fingerprint: try RequestFingerprint(key: key, head),
            answer: StepAnswer(
                session: name, durability: description.durability, tensors: tensors,
                tellsNorms: asksNorms))
        if let receipt { return try step.receiveAgain { step.replay(receipt, $0) } }
        guard let format else { return try stepAccumulated(step, query, description) }
        return try step.receive(format, query, description)
    }

    /// Names of tensors and a number for each fit into no header field.
    private static func requireJSON(_ tensors: TensorAnswer?) throws(Problem) {
        guard tensors?.format != .json else { return }
        throw Problem(
            .invalidValue, at: "/norms",
            "Norms of single tensors are told in JSON alone; add 'Accept: application/json'.")
    }

    /// nil: there is no body, and none was meant, so the step takes the accumulated gradients.
    private func bodyFormat(_ head: RequestHead) throws(Problem) -> TensorFormat? {
        if head.isWithoutBody, !head.fields.contains("Content-Type") { return nil }
        return try Negotiation.bodyFormat(head, allowed: TensorFormat.allCases)
    }

    private func stepAccumulated(
        _ step: PendingStep, _ query: QueryParameters, _ description: SessionDescription
    ) throws(Problem) -> Decision {
        let document = try StepDocument(query)
        try step.checkOptions(document, description)
        return .perform { step.runWithoutGradients(document, $0) }
    }
}

/// A step whose head was accepted and whose gradients are on their way.
struct PendingStep: PendingGradients {
    let rooms: ServiceRooms
    let exchange: Exchange
    let session: Session
    let ifMatch: Precondition?
    let fingerprint: RequestFingerprint?
    let answer: StepAnswer

    func check(_ document: StepDocument, _ description: SessionDescription) throws(Problem) {
        try document.requireOwnGradients()
        try checkOptions(document, description)
    }

    func checkOptions(
        _ document: StepDocument, _ description: SessionDescription
    ) throws(Problem) {
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
        run(.given(gradients), document, responder)
    }

    func runWithoutGradients(_ document: StepDocument, _ responder: Responder) {
        run(document.accumulated, document, responder)
    }

    private func run(
        _ source: StepRequest.Source, _ document: StepDocument, _ responder: Responder
    ) {
        var request = StepRequest(source)
        request.options = document.options
        request.asksTensorNorms = answer.tellsNorms
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

extension StepDocument {
    /// With what is asked of the answer, in whatever format the gradients come.
    fileprivate static let namesInQuery = names + ["norms"]
}

extension QueryParameters {
    /// Whether `norms=tensor` is there, and the query without it.
    fileprivate mutating func takeNorms() throws(Problem) -> Bool {
        guard let value = take("norms") else { return false }
        guard value == "tensor" else {
            throw Problem(.invalidValue, at: "/norms", "This can only be \"tensor\".")
        }
        return true
    }
}
