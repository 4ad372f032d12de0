/// How gradients of several workers become steps.
package enum Concurrency: String, Sendable, CaseIterable {
    /// Each is a step, in order of arrival.
    case open
    /// Only those for the version of now, which the request has to name.
    case exclusive
}

extension StepPolicy {
    /// Refuses gradients that do not belong to the session as it is, or do not say so.
    func check(_ ifMatch: Precondition?, current: SessionTag) throws(SessionError) {
        guard let ifMatch else {
            guard concurrency != .exclusive else { throw .preconditionRequired(current: current) }
            return
        }
        guard ifMatch.holds(for: current) else {
            throw .stepMismatch(expected: ifMatch, current: current)
        }
    }
}
