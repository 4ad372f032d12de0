import HTTP1
import OptimizerSessions

/// The resources of API §1, recognised from a request's path.
package enum Route: Equatable, Sendable {
    case service
    case livez
    case readyz
    case metrics
    case openapi
    case sessions
    case session(String)
    case steps(String)
    case receipt(String, step: Int)
    case snapshots(String)
    case parameters(String)
    case state(String)

    /// The route at an absolute path that is still percent-encoded (RFC 9110 §4.2).
    package init(path: String) throws(Problem) {
        switch path {
        case "/livez": self = .livez
        case "/readyz": self = .readyz
        case "/v1": self = .service
        case "/metrics": self = .metrics
        case "/openapi.yaml": self = .openapi
        case "/v1/sessions": self = .sessions
        default: self = try Route.sessionRoute(path)
        }
    }

    private static func sessionRoute(_ path: String) throws(Problem) -> Route {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        guard (4...6).contains(segments.count), segments[0].isEmpty, segments[1] == "v1",
            segments[2] == "sessions"
        else { throw unknown }

        guard let name = PercentCoding.decode(segments[3]) else {
            throw Problem(.malformedRequest, "The path's percent-encoding is not valid.")
        }
        let kind = segments.count >= 5 ? segments[4] : nil
        var step: Int?
        switch (kind, segments.count) {
        case (nil, _), ("steps", 5), ("parameters", 5), ("state", 5), ("snapshots", 5): break
        case ("steps", 6): step = try number(segments[5])
        default: throw unknown
        }
        guard SessionName.isValid(name) else {
            throw Problem(.invalidName, "A session name is \(SessionName.rule).")
        }
        if let step { return .receipt(name, step: step) }
        switch kind {
        case "steps": return .steps(name)
        case "snapshots": return .snapshots(name)
        case "parameters": return .parameters(name)
        case "state": return .state(name)
        default: return .session(name)
        }
    }

    /// The number of a step, in plain digits.
    private static func number(_ segment: Substring) throws(Problem) -> Int {
        guard let step = Int(segment), String(step) == segment, step >= 0 else { throw unknown }
        return step
    }

    private static let unknown = Problem(
        .unknownRoute, "Nothing is served at this path; GET /openapi.yaml lists what is.")

    /// The methods this route takes, as its `Allow` field lists them (RFC 9110 §10.2.1).
    package var allowedMethods: [Method] {
        switch self {
        case .service, .livez, .readyz, .metrics, .openapi, .sessions: [.get, .head]
        case .session: [.get, .head, .put, .patch, .delete]
        case .steps, .snapshots: [.post]
        case .receipt: [.get, .head]
        case .parameters, .state: [.get, .head, .put]
        }
    }

    /// The path with `{name}` in place of the session's name, as `openapi.yaml` writes it.
    package var template: StaticString {
        switch self {
        case .service: "/v1"
        case .livez: "/livez"
        case .readyz: "/readyz"
        case .metrics: "/metrics"
        case .openapi: "/openapi.yaml"
        case .sessions: "/v1/sessions"
        case .session: "/v1/sessions/{name}"
        case .steps: "/v1/sessions/{name}/steps"
        case .receipt: "/v1/sessions/{name}/steps/{n}"
        case .snapshots: "/v1/sessions/{name}/snapshots"
        case .parameters: "/v1/sessions/{name}/parameters"
        case .state: "/v1/sessions/{name}/state"
        }
    }
}
