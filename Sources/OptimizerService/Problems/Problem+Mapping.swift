import HTTP1
import HTTPServer
import OptimizerSessions
import SystemIO
import TensorFormats

// The one table that turns the rooms' errors into the problems of API §5.

extension Problem {
    /// What the sessions refuse.
    ///
    /// - Parameter root: the member that tensors stand under, "/gradients" or "/parameters".
    package init(_ error: SessionError, root: String) {
        switch error {
        case .unknownSession(let name):
            self = Problem(.unknownSession, "There is no session named '\(name)'.")
        case .invalidName:
            self = Problem(.invalidName, "A session name is \(SessionName.rule).")
        case .sessionExists(let name, let difference):
            self = Problem(
                .sessionExists,
                "A session named '\(name)' exists and was created otherwise: \(difference).")
        case .layoutMismatch(let difference):
            self = Problem(
                .sessionExists, "The session exists with another layout: \(difference).")
        case .preconditionRequired, .stepMismatch, .preconditionFailed:
            self = .precondition(error)
        case .unknownStep, .unknownReceipt, .quarantined, .recovering, .idempotencyInProgress,
            .idempotencyKeyReused, .logFull, .logFailed:
            self = .kept(error)
        case .queueFull(let limit):
            self = Problem(.queueFull, "As many requests wait for this as may: \(limit).")
                .with("limit", limit)
        case .overBudget(let budget, let limit, let asked):
            self = Problem(.overBudget, "\(budget.inWords) would pass the limit of \(limit).")
                .with("limit", limit).with("actual", asked)
            // What is larger than the whole budget fits at no other time either.
            if asked > limit { isRetryable = false }
        case .outOfMemory(let bytes):
            self = Problem(.overBudget, "The machine has no \(bytes) bytes of memory left.")
                .with("actual", bytes)
        case .nonfiniteGradient(let tensors):
            self = Problem(tensors, in: root, .nonfiniteGradient, "This gradient is not finite.")
        case .nonfiniteParameter(let tensors):
            self = Problem(tensors, in: root, .nonfiniteParameter, "This parameter is not finite.")
        case .missingGradient(let tensors):
            self = Problem(
                tensors, in: root, .missingGradient,
                "This parameter has no gradient; send all, or some with \"partial\": \"skip\".")
        case .nothingAccumulated:
            self = Problem(
                .missingGradient, at: root,
                "The request brings no gradients, and none are accumulated.")
        case .shapeMismatch(let tensor, let expected, let actual):
            self = Problem(
                .shapeMismatch, at: Problem.pointer(root, tensor),
                "Expected \(expected), found \(actual)."
            ).with("expected", expected).with("actual", actual)
        case .dtypeMismatch(let tensor, let expected, let actual):
            self = Problem(
                .dtypeMismatch, at: Problem.pointer(root, tensor),
                "Expected \(expected), found \(actual)."
            ).with("expected", expected).with("actual", actual)
        case .unknownTensor(let name):
            self = Problem(
                .unknownParameter, at: Problem.pointer(root, name),
                "The session has no parameter of this name.")
        case .missingTensor(let name):
            self = Problem(
                .missingMember, at: Problem.pointer(root, name), "This tensor is missing.")
        case .invalidSettings(let fault):
            self = Problem(fault)
        }
    }

    /// Problems list at most so many places; the first ones tell enough.
    static let maximumErrors = 16

    /// One problem with several tensors.
    private init(
        _ tensors: [String], in root: String, _ code: ProblemCode, _ detail: String
    ) {
        self.init(code, detail)
        errors = tensors.prefix(Problem.maximumErrors).map {
            FieldError(pointer: Problem.pointer(root, $0), detail: detail)
        }
    }

    static func pointer(_ root: String, _ tensor: String?) -> String {
        tensor.map { "\(root)/\(JSONPointer.escape($0))" } ?? root
    }

    init(_ fault: SettingsFault) {
        let code: ProblemCode =
            switch fault.kind {
            case .invalidHyperparameter: .invalidHyperparameter
            case .unknownParameter: .unknownParameter
            case .unknownMember: .unknownMember
            case .missingMember: .missingMember
            case .invalidValue: .invalidValue
            case .invalidName: .invalidName
            }
        // The fault's detail is a predicate; its subject is what the pointer names.
        let name = JSONPointer.lastName(of: fault.pointer).map { "'\($0)'" } ?? "The document"
        self.init(code, at: fault.pointer, "\(name) \(fault.detail).")
    }

    /// What the server refuses in the service's place.
    package init(_ refusal: ServerRefusal) {
        switch refusal {
        case .headTooSlow:
            self.init(.headTooSlow, "The request's head did not arrive in time.")
        case .bodyTooSlow:
            self.init(.bodyTooSlow, "The request's body came slower than the least rate.")
        case .draining:
            self.init(.draining, "The service is shutting down; nothing of this was applied.")
        case .responderDropped:
            self.init(.internalError, "The request was never answered, which is a defect.")
        }
    }

    /// What the HTTP/1.1 parser refuses.
    package init(_ error: ProtocolError) {
        let code: ProblemCode =
            switch error.code {
            case .malformedRequest: .malformedRequest
            case .uriTooLong: .uriTooLong
            case .expectationFailed: .expectationFailed
            case .fieldsTooLarge: .fieldsTooLarge
            case .notImplemented: .notImplemented
            case .versionNotSupported: .versionNotSupported
            }
        self.init(code, error.detail)
        if let limit = error.limit { self = with("limit", limit) }
    }
}

extension SessionError.Budget {
    fileprivate var inWords: String {
        switch self {
        case .stateBytes: "The bytes of all sessions' state"
        case .bodyBytes: "The bytes of all bodies in flight"
        case .sessionCount: "The number of sessions"
        }
    }
}

extension Problem {
    /// What the JSON reader refuses; its pointers are those of the document already.
    init(_ fault: DocumentFault) {
        switch fault {
        case .malformed(let fault):
            self.init(.malformedJSON, "At byte \(fault.offset): \(fault.reason)")
            self = with("offset", fault.offset)
        case .semantic(let kind, let pointer, let detail):
            self.init(kind.code, at: pointer, detail)
            if case .shapeMismatch(let expected?, let actual?) = kind {
                self = with("expected", "\(expected)").with("actual", "\(actual)")
            }
        }
    }

    /// What the safetensors reader refuses.
    init(_ fault: SafetensorsFault) {
        self.init(.malformedSafetensors, fault.detail)
    }

    /// What the pool of body memory refuses.
    init(_ error: SlabPoolError, asked: Int) {
        switch error {
        case .overBudget(let limit, _):
            self.init(SessionError.overBudget(.bodyBytes, limit: limit, asked: asked), root: "")
        case .outOfMemory:
            self.init(SessionError.outOfMemory(bytes: asked), root: "")
        }
    }
}

extension Problem {
    /// What a coded body is refused for.
    init(_ fault: InflationFault, _ coding: ContentCoding) {
        switch fault {
        case .malformed(let offset, let reason):
            self = Problem(
                .malformedRequest, "The body is not valid \(coding) at byte \(offset): \(reason)."
            ).with("offset", offset)
        case .truncated:
            self.init(.malformedRequest, "The body ends before its \(coding) stream does.")
        case .trailingBytes(let offset):
            self = Problem(
                .malformedRequest,
                "The body's \(coding) stream ends at byte \(offset), and more follows; a body is "
                    + "one stream, of gzip one member."
            ).with("offset", offset)
        case .tooLong(let limit):
            self = .bodyTooLarge(limit: limit)
        case .beyondRatio(let limit):
            self = Problem(
                .bodyTooLarge,
                "The body inflates to more than \(limit) times its length; send it without "
                    + "Content-Encoding."
            ).with("limit", limit)
        case .outOfMemory:
            self.init(SessionError.outOfMemory(bytes: InflatingBody.memoryBytes), root: "")
        }
    }
}

extension DocumentFault.Kind {
    fileprivate var code: ProblemCode {
        switch self {
        case .shapeMismatch: .shapeMismatch
        case .dtypeMismatch: .dtypeMismatch
        case .unknownTensor: .unknownParameter
        case .invalidValue: .invalidValue
        case .missingMember: .missingMember
        case .unknownMember: .unknownMember
        case .invalidName: .invalidName
        case .overBudget: .overBudget
        }
    }
}
