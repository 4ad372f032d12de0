import Testing

@Suite("Documents say what the sources say")
struct DocumentTests {
    @Test func topLevelHoldsOnlyTheHouse() {
        #expect(Repository.paths.count > 50)
        #expect(Documents.strayTopLevelNames(of: Repository.paths) == [])
    }

    @Test func everyRouteIsInOpenAPIAndBack() throws {
        let routes = Documents.withoutImpliedHead(
            Documents.operations(
                inRoute: try Repository.text(of: "Sources/OptimizerService/Routing/Route.swift")))
        let published = Documents.withoutImpliedHead(
            Documents.operations(inOpenAPI: try Repository.text(of: "openapi.yaml")))
        #expect(routes.count >= 10)
        #expect(published.subtracting(routes) == [], "published, but not a route")
        #expect(routes.subtracting(published) == [], "a route, but not published")
    }

    @Test func errorCodesAreThePublishedOnes() throws {
        let sources = try Repository.files { $0.hasPrefix("Sources/OptimizerService/") }
        let declaring = try #require(sources.first { $0.text.contains("enum ProblemCode") })
        let codes = Documents.codes(inEnumeration: declaring.text)
        let published = Documents.codes(inOpenAPI: try Repository.text(of: "openapi.yaml"))
        let explained = Documents.codes(inReadme: try Repository.text(of: "README.md"))
        #expect(codes.count > 25)
        #expect(published.symmetricDifference(codes) == [], "openapi.yaml and ProblemCode")
        #expect(explained.symmetricDifference(codes) == [], "README.md and ProblemCode")
    }
}

@Suite("The document checks can fail")
struct DocumentCanaries {
    @Test func strayFilesAtTheTopAreFound() {
        let paths = ["README.md", ".ci/run", "Sources/A/a.swift", "notes.txt", "docs/a.md"]
        #expect(Documents.strayTopLevelNames(of: paths) == ["notes.txt", "docs"])
    }

    @Test func operationsOfAnOpenAPIDocument() {
        let text = """
            info:
              /not-a-path:
                get:
            paths:
              /v1/a/{name}:
                parameters:
                  - get
                get: &anchor
                  x: y
                post:
              /v1/b:
                put:
            components:
              /c:
                get:
            """
        #expect(Documents.operations(inOpenAPI: text)
            == ["GET /v1/a/{name}", "POST /v1/a/{name}", "PUT /v1/b"])
    }

    @Test func operationsOfRoutes() {
        let source = """
            case .a, .b: [.get, .head]
            case .c: [.post]
            case .a: "/v1/a"
            case .b: "/v1/b"
            case .c: "/v1/c"
            case .d: "/v1/d"
            """
        let operations = Documents.operations(inRoute: source)
        #expect(operations == [
            "GET /v1/a", "HEAD /v1/a", "GET /v1/b", "HEAD /v1/b", "POST /v1/c",
            "(no method) /v1/d",
        ])
        #expect(Documents.withoutImpliedHead(["GET /a", "HEAD /a", "HEAD /b"])
            == ["GET /a", "HEAD /b"])
    }

    @Test func codesOfEveryDocument() {
        let source = """
            enum ProblemCode: String {
                case a = "bad-thing"
                case b = "worse-thing"
            }
            """
        #expect(Documents.codes(inEnumeration: source) == ["bad-thing", "worse-thing"])
        for list in ["enum: [bad-thing,\n        worse-thing]",
                     "enum:\n        - bad-thing\n        - worse-thing"] {
            let text = "components:\n    ProblemCode:\n      type: string\n      \(list)\n"
                + "    Next:\n      enum: [other-thing]\n"
            #expect(Documents.codes(inOpenAPI: text) == ["bad-thing", "worse-thing"])
        }
        let table = """
            | status | codes |
            |---|---|
            | 400 | `bad-thing`, `worse-thing`, `lone` (`Allow`) |
            | `GET` | `other-thing` |
            """
        #expect(Documents.codes(inReadme: table) == ["bad-thing", "worse-thing", "lone"])
    }
}
