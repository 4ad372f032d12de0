import HTTP1

/// Who may do what where, for services with tokens.
extension Route {
    /// Health is for whoever starts and stops the service, and tells nothing else.
    static func isOpen(path: String) -> Bool { path == "/livez" || path == "/readyz" }

    /// The session that the path names.
    var sessionName: String? {
        switch self {
        case .session(let name), .steps(let name), .gradients(let name), .receipt(let name, _),
            .snapshots(let name), .parameters(let name), .state(let name):
            name
        case .service, .livez, .readyz, .metrics, .openapi, .sessions: nil
        }
    }

    /// The scope that a method needs; nil where any token will do. README and `openapi.yaml` have
    /// the same table.
    package func scope(for method: Method) -> Scope? {
        switch (self, method) {
        // What a path takes stands in openapi.yaml.
        case (_, .options): nil
        case (.service, _), (.openapi, _), (.livez, _), (.readyz, _): nil
        case (.sessions, _), (.metrics, _), (.receipt, _): .read
        case (_, .get), (_, .head): .read
        // A step moves parameters wherever its gradients say, so overwriting them is no more.
        case (.steps, _), (.gradients, _), (.parameters, _): .step
        case (.session, _), (.state, _), (.snapshots, _): .admin
        }
    }
}
