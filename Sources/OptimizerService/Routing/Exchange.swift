import HTTP1
import HTTPServer
import OptimizerSessions

extension RequestHead {
    /// Whether no body follows, or one of no bytes.
    var isWithoutBody: Bool {
        switch framing {
        case .none, .length(0): true
        default: false
        }
    }
}

/// One request while it is being answered: what was asked, and how its answers are addressed.
struct Exchange: Sendable {
    let head: RequestHead
    let context: RequestContext

    /// The response that carries a problem, as problem+json for this request.
    func response(_ problem: Problem) -> Response {
        problem.response(instance: head.path, requestID: context.requestID)
    }

    /// The response to a session's refusal; pointers to tensors begin with `root`.
    func response(_ error: SessionError, root: String) -> Response {
        response(Problem(error, root: root))
    }

    /// Answers with what `make` makes, or with the problem that it throws.
    func answer(_ responder: Responder, _ make: () throws(Problem) -> Response) {
        do {
            responder.send(try make())
        } catch {
            responder.send(response(error))
        }
    }
}
