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
    case gradients(String)
    case receipt(String, step: Int)
    case snapshots(String)
    case parameters(String)
    case state(String)

    /// The route at an absolute path that is still percent-encoded (RFC 9110 §4.2).
    package init(path: String) throws(Problem) {
        let prefix: StaticString = "/v1/sessions/"
        if path.utf8.span.begins(with: prefix) {
            self = try Route.sessionRoute(path.utf8.dropFirst(prefix.utf8CodeUnitCount))
            return
        }
        switch path {
        case "/livez": self = .livez
        case "/readyz": self = .readyz
        case "/v1": self = .service
        case "/metrics": self = .metrics
        case "/openapi.yaml": self = .openapi
        case "/v1/sessions": self = .sessions
        default: throw Route.unknown
        }
    }

    /// - Parameter rest: a session's name, and what follows it.
    private static func sessionRoute(_ rest: Substring.UTF8View) throws(Problem) -> Route {
        let end = rest.firstIndex(of: UInt8(ascii: "/"))
        guard let name = PercentCoding.decode(Substring(rest[..<(end ?? rest.endIndex)])) else {
            throw Problem(.malformedRequest, "The path's percent-encoding is not valid.")
        }
        let make: (String) -> Route
        switch end.map({ Substring(rest[rest.index(after: $0)...]) }) {
        case nil: make = Route.session
        case "steps": make = Route.steps
        case "gradients": make = Route.gradients
        case "snapshots": make = Route.snapshots
        case "parameters": make = Route.parameters
        case "state": make = Route.state
        case let other?:
            guard other.hasPrefix("steps/") else { throw unknown }
            let step = try number(other.dropFirst("steps/".count))
            make = { .receipt($0, step: step) }
        }
        guard SessionName.isValid(name) else {
            throw Problem(.invalidName, "A session name is \(SessionName.rule).")
        }
        return make(name)
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
        case .gradients: [.post, .delete]
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
        case .gradients: "/v1/sessions/{name}/gradients"
        case .receipt: "/v1/sessions/{name}/steps/{n}"
        case .snapshots: "/v1/sessions/{name}/snapshots"
        case .parameters: "/v1/sessions/{name}/parameters"
        case .state: "/v1/sessions/{name}/state"
        }
    }
}

extension Span<UInt8> {
    fileprivate func begins(with prefix: StaticString) -> Bool {
        guard count >= prefix.utf8CodeUnitCount else { return false }
        return prefix.withUTF8Buffer { expected in
            expected.indices.allSatisfy { self[$0] == expected[$0] }
        }
    }
}
