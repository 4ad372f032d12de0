import HTTP1

/// Every error this service can answer, by the `code` that its problem document carries.
///
/// The raw values are the published names: `openapi.yaml` and the README list the same ones, and
/// a tidy test compares the three.
package enum ProblemCode: String, CaseIterable, Sendable {
    case malformedRequest = "malformed-request"
    case malformedJSON = "malformed-json"
    case malformedSafetensors = "malformed-safetensors"
    case invalidName = "invalid-name"
    case unauthenticated = "unauthenticated"
    case forbidden = "forbidden"
    case unknownSession = "unknown-session"
    case unknownRoute = "unknown-route"
    case unknownTensor = "unknown-tensor"
    case unknownStep = "unknown-step"
    case methodNotAllowed = "method-not-allowed"
    case notAcceptable = "not-acceptable"
    case headTooSlow = "head-too-slow"
    case bodyTooSlow = "body-too-slow"
    case sessionExists = "session-exists"
    case idempotencyInProgress = "idempotency-in-progress"
    case stepMismatch = "step-mismatch"
    case preconditionFailed = "precondition-failed"
    case preconditionRequired = "precondition-required"
    case bodyTooLarge = "body-too-large"
    case uriTooLong = "uri-too-long"
    case unsupportedMediaType = "unsupported-media-type"
    case unsupportedContentEncoding = "unsupported-content-encoding"
    case expectationFailed = "expectation-failed"
    case shapeMismatch = "shape-mismatch"
    case dtypeMismatch = "dtype-mismatch"
    case missingGradient = "missing-gradient"
    case missingMember = "missing-member"
    case unknownParameter = "unknown-parameter"
    case unknownMember = "unknown-member"
    case invalidValue = "invalid-value"
    case invalidHyperparameter = "invalid-hyperparameter"
    case nonfiniteGradient = "nonfinite-gradient"
    case nonfiniteParameter = "nonfinite-parameter"
    case idempotencyKeyReused = "idempotency-key-reused"
    case queueFull = "queue-full"
    case fieldsTooLarge = "fields-too-large"
    case sessionQuarantined = "session-quarantined"
    case internalError = "internal-error"
    case notImplemented = "not-implemented"
    case draining = "draining"
    case recovering = "recovering"
    case logFailed = "log-failed"
    case logFull = "log-full"
    case overBudget = "over-budget"
    case versionNotSupported = "version-not-supported"
}

extension ProblemCode {
    /// The status code that this problem is answered with (RFC 9110 §15).
    package var status: Status {
        switch self {
        case .malformedRequest, .malformedJSON, .malformedSafetensors, .invalidName:
            .badRequest
        case .unauthenticated: .unauthorized
        case .forbidden: .forbidden
        case .unknownSession, .unknownRoute, .unknownTensor, .unknownStep: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .notAcceptable: .notAcceptable
        case .headTooSlow, .bodyTooSlow: .requestTimeout
        case .sessionExists, .idempotencyInProgress: .conflict
        case .stepMismatch, .preconditionFailed: .preconditionFailed
        case .preconditionRequired: .preconditionRequired
        case .bodyTooLarge: .contentTooLarge
        case .uriTooLong: .uriTooLong
        case .unsupportedMediaType, .unsupportedContentEncoding: .unsupportedMediaType
        case .expectationFailed: .expectationFailed
        case .shapeMismatch, .dtypeMismatch, .missingGradient, .missingMember,
            .unknownParameter, .unknownMember, .invalidValue, .invalidHyperparameter,
            .nonfiniteGradient, .nonfiniteParameter, .idempotencyKeyReused:
            .unprocessableContent
        case .queueFull: .tooManyRequests
        case .fieldsTooLarge: .fieldsTooLarge
        case .internalError, .sessionQuarantined: .internalServerError
        case .notImplemented: .notImplemented
        case .draining, .recovering, .overBudget, .logFailed: .serviceUnavailable
        case .logFull: .insufficientStorage
        case .versionNotSupported: .versionNotSupported
        }
    }

    /// Whether the same request may, as a rule, succeed later without being changed.
    package var isRetryable: Bool {
        switch self {
        case .headTooSlow, .bodyTooSlow, .queueFull, .draining, .recovering, .overBudget,
            .internalError, .idempotencyInProgress, .logFailed, .logFull:
            true
        default: false
        }
    }

    /// When to try again, for what passes by itself (RFC 9110 §10.2.3).
    var retryAfterSeconds: Int? {
        switch self {
        case .draining, .recovering, .overBudget, .queueFull, .idempotencyInProgress, .logFailed:
            1
        case .logFull: 10
        default: nil
        }
    }

    /// A short summary that stays the same from occurrence to occurrence (RFC 9457 §3.1.3).
    package var title: String {
        switch self {
        case .malformedRequest: "The request is not well-formed HTTP/1.1"
        case .malformedJSON: "The body is not valid JSON"
        case .malformedSafetensors: "The body is not a valid safetensors file"
        case .invalidName: "The name breaks the naming rules"
        case .unauthenticated: "A valid token is needed"
        case .forbidden: "The token does not allow this"
        case .unknownSession: "There is no such session"
        case .unknownRoute: "There is nothing at this path"
        case .unknownTensor: "The session has no such tensor"
        case .unknownStep: "That step is not held"
        case .methodNotAllowed: "This path does not take that method"
        case .notAcceptable: "None of the accepted formats can be produced"
        case .headTooSlow: "The request head arrived too slowly"
        case .bodyTooSlow: "The request body arrived too slowly"
        case .sessionExists: "The session exists and differs"
        case .idempotencyInProgress: "A request with this key is being executed"
        case .stepMismatch: "The session is not at the expected step"
        case .preconditionFailed: "The precondition does not hold"
        case .preconditionRequired: "The session's steps need an If-Match"
        case .bodyTooLarge: "The body is too large"
        case .uriTooLong: "The request line is too long"
        case .unsupportedMediaType: "The body's media type is not supported"
        case .unsupportedContentEncoding: "The body's content coding is not supported"
        case .expectationFailed: "The expectation cannot be met"
        case .shapeMismatch: "A shape or length does not match the session's layout"
        case .dtypeMismatch: "A dtype does not fit"
        case .missingGradient: "A parameter has no gradient"
        case .missingMember: "A required member is missing"
        case .unknownParameter: "The session has no such parameter"
        case .unknownMember: "A member or query parameter is not known"
        case .invalidValue: "A value has the wrong type or is none of its choices"
        case .invalidHyperparameter: "A hyperparameter is out of range"
        case .nonfiniteGradient: "A gradient is not finite"
        case .nonfiniteParameter: "A parameter is not finite"
        case .idempotencyKeyReused: "The key was used for another request"
        case .queueFull: "Too many requests wait for this session"
        case .fieldsTooLarge: "The request's field section is too large"
        case .sessionQuarantined: "The session's files are damaged"
        case .internalError: "The service has a defect; nothing was changed"
        case .notImplemented: "The service does not implement this"
        case .draining: "The service is shutting down"
        case .recovering: "The sessions are being rebuilt from their files"
        case .logFailed: "The disk has failed; nothing can be acknowledged"
        case .logFull: "The disk is full; nothing was changed"
        case .overBudget: "The service's memory budget is used up"
        case .versionNotSupported: "Only HTTP/1.0 and HTTP/1.1 are spoken here"
        }
    }
}
