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

extension RequestHead {
    /// The body's coding, which has been found to be one that can be undone.
    var bodyCoding: ContentCoding? {
        guard let text = fields.combined("Content-Encoding") else { return nil }
        do {
            return try ContentCoding.only(in: text)
        } catch {
            // Such a body is refused, so that nothing depends on this answer.
            return nil
        }
    }

    /// How long the body will be when it is read; nil where only reading it can tell.
    var contentLength: UInt64? {
        guard case .length(let count) = framing, bodyCoding == nil else { return nil }
        return count
    }
}

/// One request while it is being answered: what was asked, and how its answers are addressed.
struct Exchange: Sendable {
    let head: RequestHead
    let context: RequestContext

    /// Whether success may bring an answer with content, to be negotiated about.
    var mayAnswerContent: Bool {
        switch head.method {
        case .delete, .options: false
        default: !Negotiation.prefersMinimal(head)
        }
    }

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
