import OptimizerSessions

extension Problem {
    /// What sessions refuse because of what is kept of them, or cannot be kept.
    static func kept(_ error: SessionError) -> Problem {
        switch error {
        case .unknownStep(let asked, let current, let oldest, let reason):
            let reach = oldest.map { "What is kept begins at step \($0)" } ?? "No other is kept"
            let why = reason.map { " In the way: \($0)." } ?? ""
            let problem = Problem(
                .unknownStep,
                "The state after step \(asked) is not kept; the current one is \(current.step). "
                    + "\(reach).\(why)"
            ).with("current", "\"\(current)\"")
            return oldest.map { problem.with("oldest", $0) } ?? problem
        case .unknownReceipt(let step, let current):
            return Problem(
                .unknownStep,
                "There is no receipt of step \(step); the session is at \(current.step)."
            ).with("current", "\"\(current)\"")
        case .quarantined(_, let fault):
            return Problem(.sessionQuarantined, fault)
        case .recovering(let done, let total):
            return Problem(
                .recovering, "\(done) of \(total) sessions are rebuilt; the rest follows."
            ).with("done", done).with("total", total)
        case .idempotencyInProgress:
            return Problem(
                .idempotencyInProgress,
                "A request with this Idempotency-Key is being executed; ask again for its answer.")
        case .idempotencyKeyReused:
            return Problem(
                .idempotencyKeyReused,
                "This Idempotency-Key belongs to a request with other content; take a new key.")
        case .logFull(let detail):
            return Problem(
                .logFull, "\(detail). Nothing was changed; make room and send it again.")
        case .logFailed(let detail):
            return Problem(
                .logFailed,
                "\(detail). Whether this was kept will be known after the service's restart.")
        default:
            return Problem(.internalError, "An error without its problem, which is a defect.")
        }
    }
}
