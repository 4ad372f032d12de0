import OptimizerSessions

/// What requests are refused for because of their tokens. The challenges are those of RFC 6750 §3.
extension Problem {
    private static let challenge = #"Bearer realm="optimizerd""#

    /// §3.1: nobody who brings no credentials is told more than that they are wanted.
    static let unauthenticated = Problem(
        .unauthenticated,
        "Requests need a token here: add the header 'Authorization: Bearer opt_…' (with curl: -H)."
    ).challenging(challenge)

    static let unknownToken = Problem(
        .unauthenticated, "The token is not one of this service's, or no longer."
    ).challenging(challenge + #", error="invalid_token""#)

    /// §3.1 gives 400 to a request that is malformed, and not 401.
    static let malformedAuthorization = Problem(
        .malformedRequest,
        "There can be one Authorization field, with 'Bearer', a space and the token."
    ).challenging(challenge + #", error="invalid_request""#)

    /// - Parameter needs: the scope that is lacking; nil when it is not a scope that is.
    static func forbidden(_ detail: String, needs scope: Scope?) -> Problem {
        let needed = scope.map { #", scope="\#($0.rawValue)""# } ?? ""
        return Problem(.forbidden, detail)
            .challenging(challenge + #", error="insufficient_scope""# + needed)
    }

    private func challenging(_ challenge: String) -> Problem {
        saying("WWW-Authenticate", challenge)
    }
}

extension SessionStore {
    /// Refuses everything while sessions are being rebuilt. How many there are is for those to
    /// know who may see all of them.
    func requireRecovered(for principal: Principal) throws(Problem) {
        do {
            try checkRecovered()
        } catch {
            guard principal.names.isAll else {
                throw Problem(.recovering, "The sessions are being rebuilt from their files.")
            }
            throw Problem(error, root: "")
        }
    }
}
