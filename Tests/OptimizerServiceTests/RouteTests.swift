import HTTP1
import OptimizerService
import Testing

@Suite struct RouteTests {
    @Test(arguments: [
        ("/livez", Route.livez), ("/readyz", .readyz), ("/metrics", .metrics), ("/v1", .service),
        ("/openapi.yaml", .openapi), ("/v1/sessions", .sessions),
        ("/v1/sessions/demo", .session("demo")), ("/v1/sessions/%64emo", .session("demo")),
        ("/v1/sessions/a.b_c-1/steps", .steps("a.b_c-1")),
        ("/v1/sessions/demo/parameters", .parameters("demo")),
        ("/v1/sessions/demo/state", .state("demo")),
    ])
    func recognisesEveryResource(path: String, route: Route) throws {
        #expect(try Route(path: path) == route)
    }

    @Test(arguments: [
        "/", "/v2", "/v1/", "/v1/sessions/", "/v1/sessions/demo/", "/v1/sessions/demo/steps/",
        "/v1/sessions/demo/moments", "/v1/sessions/demo/steps/1/2", "//v1/sessions", "/LIVEZ",
    ])
    func knowsNothingElse(path: String) {
        #expect(code(of: path) == (path == "/v1/sessions/" ? .invalidName : .unknownRoute))
    }

    @Test(arguments: [
        ("/v1/sessions/-demo", ProblemCode.invalidName), ("/v1/sessions/a%2Fb", .invalidName),
        ("/v1/sessions/a%00", .invalidName), ("/v1/sessions/%C3%A9", .invalidName),
        ("/v1/sessions/a%2", .malformedRequest), ("/v1/sessions/a%zz", .malformedRequest),
        ("/v1/sessions/" + String(repeating: "a", count: 129), .invalidName),
    ])
    func judgesNames(path: String, expected: ProblemCode) {
        #expect(code(of: path) == expected)
    }

    private func code(of path: String) -> ProblemCode? {
        do {
            _ = try Route(path: path)
            return nil
        } catch {
            return error.code
        }
    }
}
