import HTTP1
import HTTPServer
import OptimizerSessions
import SystemIO
import TensorFormats

/// The service: routes each request to its endpoint and turns every refusal into a problem
/// document. The one place where HTTP and the sessions meet.
package final class OptimizerService: RequestHandler {
    private let session: SessionEndpoint
    private let sessions: SessionListEndpoint
    private let creation: CreationEndpoint
    private let step: StepEndpoint
    private let gradients: GradientsEndpoint
    private let receipt: ReceiptEndpoint
    private let parameters: ParametersEndpoint
    private let polls: PollRoom
    private let state: StateEndpoint
    private let service: ServiceEndpoint
    private let metrics: MetricsEndpoint
    private let health: HealthEndpoint
    private let codings: ContentCodings
    private let store: SessionStore
    /// nil: everybody may do everything.
    private let access: AccessGate?

    package static let version = "0.1.0"

    /// - Parameters:
    ///   - writers: lanes of their own for long JSON answers.
    ///   - access: who may do what; nil: everybody everything.
    ///   - counters: the server's, for `GET /metrics`; asked each time.
    package init(
        store: SessionStore, bodies: SlabPool, writers: LanePool, limits: ServiceLimits,
        formats: FormatLimits, published: PublishedLimits, access: AccessGate?,
        counters: @escaping @Sendable () -> ServerCounters?
    ) {
        let rooms = ServiceRooms(
            store: store, bodies: bodies, writers: writers, limits: limits, formats: formats)
        session = SessionEndpoint(rooms: rooms)
        sessions = SessionListEndpoint(rooms: rooms)
        creation = CreationEndpoint(rooms: rooms)
        step = StepEndpoint(rooms: rooms)
        gradients = GradientsEndpoint(rooms: rooms)
        receipt = ReceiptEndpoint(rooms: rooms)
        health = HealthEndpoint(store: store)
        codings = ContentCodings(rooms: rooms)
        self.store = store
        self.access = access
        polls = PollRoom(rooms: rooms)
        parameters = ParametersEndpoint(rooms: rooms, polls: polls)
        state = StateEndpoint(rooms: rooms)
        service = ServiceEndpoint(version: OptimizerService.version, limits: published)
        metrics = MetricsEndpoint(rooms: rooms, polls: polls, counters: counters)
    }

    /// Tells those who ask whether this service takes work to send it elsewhere; everything is
    /// served as before, but nobody waits for a change any more.
    package func leave() {
        health.leave()
        polls.close()
    }

    package func decide(_ head: RequestHead, _ context: RequestContext) -> Decision {
        let exchange = Exchange(head: head, context: context)
        let decision: Decision
        do {
            decision = try route(exchange, try principal(exchange.head))
        } catch {
            decision = .respond(exchange.response(error))
        }
        return codings.encoding(decision, head)
    }

    /// Who asks. This comes before everything else, so that nobody without a token can find out
    /// what is here.
    private func principal(_ head: RequestHead) throws(Problem) -> Principal {
        guard let access else { return .anyone }
        return Route.isOpen(path: head.path) ? .stranger : try access.admit(head)
    }

    private func route(
        _ exchange: Exchange, _ principal: Principal
    ) throws(Problem) -> Decision {
        let head = exchange.head
        let path = head.path
        guard path != "*" else { return .respond(Response.allowing(Method.known)) }
        let route = try Route(path: path)
        if let name = route.sessionName { try principal.require(session: name) }
        try check(head.method, route)
        try principal.require(route.scope(for: head.method))
        try checkRepetition(head)
        let decision = try endpoint(exchange, route, principal)
        if head.fields.contains("Accept-Encoding"), exchange.mayAnswerContent {
            try Negotiation.requireCoding(head, isText: true)
        }
        return try codings.decoding(decision, exchange, route)
    }

    private func endpoint(
        _ exchange: Exchange, _ route: Route, _ principal: Principal
    ) throws(Problem) -> Decision {
        let head = exchange.head
        switch (route, head.method) {
        case (_, .options): return .respond(Response.allowing(route.allowedMethods))
        case (.livez, _): return try health.livez(exchange)
        case (.readyz, _): return try health.readyz(exchange, principal)
        case (.service, _): return try service.describe(exchange)
        case (.metrics, _): return try metrics.text(exchange, principal)
        case (.openapi, _): return try OpenAPIEndpoint.document(exchange)
        default: return try sessionRoute(exchange, route, principal)
        }
    }

    private func sessionRoute(
        _ exchange: Exchange, _ route: Route, _ principal: Principal
    ) throws(Problem) -> Decision {
        try store.requireRecovered(for: principal)
        switch (route, exchange.head.method) {
        case (.sessions, _): return try sessions.list(exchange, principal)
        case (.session(let name), .put): return try creation.create(exchange, name, principal)
        case (.session(let name), .patch): return try session.patch(exchange, name)
        case (.session(let name), .delete): return try session.remove(exchange, name)
        case (.session(let name), _): return try session.describe(exchange, name)
        case (.steps(let name), _): return try step.decide(exchange, name)
        case (.gradients(let name), .post): return try gradients.add(exchange, name)
        case (.gradients(let name), _): return try gradients.zero(exchange, name)
        case (.receipt(let name, let number), _):
            return try receipt.read(exchange, name, step: number)
        case (.snapshots(let name), _): return try session.snapshot(exchange, name)
        case (.parameters(let name), .put): return try parameters.overwrite(exchange, name)
        case (.parameters(let name), _): return try parameters.read(exchange, name)
        case (.state(let name), .put): return try state.import(exchange, name)
        case (.state(let name), _): return try state.export(exchange, name)
        case (.livez, _), (.readyz, _), (.service, _), (.metrics, _), (.openapi, _):
            throw Problem(.internalError, "A route without an endpoint, which is a defect.")
        }
    }

    /// What is refused on every route alike.
    private func check(_ method: Method, _ route: Route) throws(Problem) {
        if case .other(let name) = method {
            throw Problem(.notImplemented, "The method \(name) is not implemented.")
        }
        guard route.allowedMethods.contains(method) || method == .options else {
            throw Problem(.methodNotAllowed, "\(route.template) does not take \(method.name).")
                .saying("Allow", Method.list(route.allowedMethods))
        }
    }

    /// PUT and DELETE may be repeated as they are (RFC 9110 §9.2.2); a repeated patch could undo
    /// another that came between, and there is nothing to replay it from.
    private func checkRepetition(_ head: RequestHead) throws(Problem) {
        guard head.method == .patch, head.fields.contains("Idempotency-Key") else { return }
        throw Problem(
            .notImplemented,
            "A patch takes no Idempotency-Key; send If-Match with the last ETag instead.")
    }
}

extension OptimizerService {
    package func response(for error: ProtocolError, _ context: RequestContext) -> Response {
        Problem(error).response(instance: nil, requestID: context.requestID)
    }

    package func response(for refusal: ServerRefusal, _ context: RequestContext) -> Response {
        Problem(refusal).response(instance: nil, requestID: context.requestID)
    }
}

extension Method {
    static let known: [Method] = [.get, .head, .put, .post, .patch, .delete]

    /// As an `Allow` field lists methods; OPTIONS is allowed everywhere.
    static func list(_ methods: [Method]) -> String {
        (methods + [.options]).map(\.name).joined(separator: ", ")
    }
}

extension Response {
    fileprivate static func allowing(_ methods: [Method]) -> Response {
        var fields = ResponseFields()
        fields.add("Allow", Method.list(methods))
        // RFC 5789 §3.1.
        if methods.contains(.patch) { fields.add("Accept-Patch", SessionEndpoint.patchTypes) }
        return Response(status: .noContent, fields: fields, body: .empty)
    }
}
