import OptimizerSessions

extension Problem {
    /// What sessions refuse for the version that a request names, or does not name.
    static func precondition(_ error: SessionError) -> Problem {
        switch error {
        case .preconditionRequired(let current):
            return Problem(
                .preconditionRequired,
                "The session is exclusive: say with If-Match which version the gradients are for."
            ).with("current", "\"\(current)\"")
        case .stepMismatch(let expected, let current):
            return Problem(
                .stepMismatch, "The session is at \(current); read it again before you step."
            ).with("expected", expected.text).with("current", "\"\(current)\"")
        case .preconditionFailed(let expected, let current):
            let now = current.map { "The session is at \($0)" } ?? "There is no such session"
            let problem = Problem(
                .preconditionFailed, "\(now); the request asked for another version."
            ).with("expected", expected.text)
            return current.map { problem.with("current", "\"\($0)\"") } ?? problem
        default:
            return Problem(.internalError, "An error without its problem, which is a defect.")
        }
    }
}

extension Precondition {
    /// As an `If-Match` field would say it, where one can.
    fileprivate var text: String {
        switch self {
        case .exists: "*"
        case .isAbsent: "no session"
        case .isOneOf(let tags): Self.list(tags)
        case .isNoneOf(let tags): "none of \(Self.list(tags))"
        case .all(let demands): demands.map(\.text).joined(separator: " and ")
        }
    }

    private static func list(_ tags: [SessionTag]) -> String {
        tags.map { "\"\($0)\"" }.joined(separator: ", ")
    }
}
