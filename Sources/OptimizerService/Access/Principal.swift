/// Whoever sends a request, by what they may do.
package final class Principal: Sendable {
    /// The token's name in its file, for the people who read an answer.
    package let id: String
    /// nil: nothing that needs a scope.
    package let scope: Scope?
    package let names: NamePrefixes

    package init(id: String, scope: Scope?, names: NamePrefixes) {
        self.id = id
        self.scope = scope
        self.names = names
    }

    /// Everybody, of a service without tokens.
    static let anyone = Principal(id: "-", scope: .admin, names: .all)
    /// Somebody without a token, of a service with tokens.
    static let stranger = Principal(id: "-", scope: nil, names: .none)

    /// Refuses a session outside of the token's prefixes. The name alone decides, so that neither
    /// the answer nor its time tells whether there is such a session.
    func require(session name: String) throws(Problem) {
        guard names.contains(name) else {
            throw .forbidden("The token '\(id)' opens no session of that name.", needs: nil)
        }
    }

    /// Refuses what is not about single sessions unless the token opens all of them.
    func requireEverySession() throws(Problem) {
        guard names.isAll else {
            throw .forbidden(
                "This tells of all sessions, and the token '\(id)' opens only some.", needs: nil)
        }
    }

    /// - Parameter needed: nil where any token will do.
    func require(_ needed: Scope?) throws(Problem) {
        guard let needed else { return }
        guard let scope, scope >= needed else {
            let own = scope?.rawValue ?? "none"
            throw .forbidden(
                "This needs the scope \(needed.rawValue); the token '\(id)' has \(own).",
                needs: needed)
        }
    }
}
