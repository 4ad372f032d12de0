import SystemIO

/// Why an operation on sessions was refused. Nothing has changed, whatever it is, but for
/// `logFailed`: what the disk has kept of the change then shows at the next start.
package enum SessionError: Error, Equatable, Sendable {
    // Names and versions
    /// No session of that name, or it was deleted while the operation waited for its turn.
    case unknownSession(name: String)
    case invalidName(name: String)
    /// A creation that differs from the one that made the session; `difference` says where.
    case sessionExists(name: String, difference: String)
    /// The step's precondition does not hold.
    case stepMismatch(expected: Precondition, current: SessionTag)
    /// The session takes no gradients whose request does not say for which version they are.
    case preconditionRequired(current: SessionTag)
    /// Another operation's precondition does not hold; `current` is nil without a session.
    case preconditionFailed(expected: Precondition, current: SessionTag?)
    /// The state after that step is not kept; `current` is what there is, `oldest` the first step
    /// that can still be reached, `reason` what is in the way besides.
    case unknownStep(asked: Int, current: SessionTag, oldest: Int?, reason: String? = nil)
    /// There is no receipt of that step.
    case unknownReceipt(step: Int, current: SessionTag)
    /// The session could not be rebuilt; `fault` says why and what can be done, in sentences.
    case quarantined(name: String, fault: String)
    /// The sessions are still being rebuilt from their files.
    case recovering(done: Int, of: Int)

    // Retries
    /// A request with that key is being executed.
    case idempotencyInProgress
    /// The key was used for another request.
    case idempotencyKeyReused

    // The disk
    /// The disk has no room for the change.
    case logFull(detail: String)
    /// The disk has failed; nothing can be acknowledged.
    case logFailed(detail: String)

    // Limits
    case queueFull(limit: Int)
    case overBudget(Budget, limit: Int, asked: Int)
    /// The system has no memory, although the budget would allow it.
    case outOfMemory(bytes: Int)

    // Content. Pointers are JSON pointers (RFC 6901) into the request, whatever its format.
    case nonfiniteGradient(tensors: [String])
    case nonfiniteParameter(tensors: [String])
    /// There is no gradient for these, or for any tensor at all.
    case missingGradient(tensors: [String])
    /// A step without gradients, and there are none to take.
    case nothingAccumulated
    case shapeMismatch(tensor: String?, expected: String, actual: String)
    case dtypeMismatch(tensor: String?, expected: String, actual: String)
    case unknownTensor(name: String)
    case missingTensor(name: String)
    /// Same names and shapes are required to replace a session's state.
    case layoutMismatch(difference: String)
    case invalidSettings(SettingsFault)

    /// What has a limit.
    package enum Budget: String, Sendable {
        /// Parameters and moments of all sessions, in bytes.
        case stateBytes
        /// Requests and answers in flight, in bytes.
        case bodyBytes
        /// The number of sessions.
        case sessionCount
    }
}

/// A fault in settings: hyperparameters, groups, step options.
package struct SettingsFault: Error, Equatable, Sendable {
    package enum Kind: String, Sendable {
        case invalidHyperparameter, unknownParameter, unknownMember, missingMember, invalidValue
        case invalidName
    }

    package let kind: Kind
    /// RFC 6901, from the document's root: "/param_groups/0/lr".
    package let pointer: String
    /// A predicate of what the pointer names: "must be a number ≥ 0".
    package let detail: String

    package init(_ kind: Kind, _ pointer: String, _ detail: String) {
        self.kind = kind
        self.pointer = pointer
        self.detail = detail
    }
}

extension SessionError {
    init(_ failure: LedgerFailure) {
        switch failure {
        case .full(let error): self = .logFull(detail: "\(error)")
        case .failed(let error): self = .logFailed(detail: "\(error)")
        case .conflict(let expected, let actual):
            self = .logFailed(
                detail: "record \(actual) was last in the log, where \(expected) should be")
        }
    }

    static func overBudget(pool error: SlabPoolError, asked: Int) -> SessionError {
        switch error {
        case .overBudget(let limit, _): .overBudget(.bodyBytes, limit: limit, asked: asked)
        case .outOfMemory: .outOfMemory(bytes: asked)
        }
    }
}
