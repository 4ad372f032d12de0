import HTTP1
import Testing

@testable import OptimizerService

@Suite struct NamePrefixesTests {
    @Test func onlyWhatNoOtherHoldsIsKept() {
        #expect(NamePrefixes(["b", "a-", "a", "a.b", "ab", "b"]) == NamePrefixes(["a", "b"]))
        #expect(NamePrefixes(["x", "", "y"]) == .all)
        #expect(NamePrefixes.all.isAll && !NamePrefixes.none.isAll)
        #expect(!NamePrefixes(["a"]).isAll)
    }

    @Test func aNameIsOpenedByHowItBegins() {
        let names = NamePrefixes(["alice-", "bob"])
        for name in ["alice-", "alice-1", "bob", "bobby", "bob.x"] { #expect(names.contains(name)) }
        for name in ["", "alice", "Alice-1", "xalice-1", "bo", "carol"] {
            #expect(!names.contains(name))
        }
        #expect(NamePrefixes.all.contains("anything") && !NamePrefixes.none.contains("anything"))
    }

    /// Narrowed, the prefixes still hold exactly the names that both sides hold.
    @Test func narrowingIsTheIntersection() {
        let texts = ["", "a", "b", "aa", "ab", "ba", "aab", "aba", "abb", "bab"]
        for first in texts {
            for second in texts {
                let names = NamePrefixes([first, second])
                for prefix in texts {
                    let narrowed = names.narrowed(to: prefix)
                    #expect(narrowed == narrowed.sorted())
                    for name in texts {
                        let holding = narrowed.count { name.hasPrefix($0) }
                        let isHeld = names.contains(name) && name.hasPrefix(prefix)
                        #expect(holding == (isHeld ? 1 : 0), "\(first) \(second) \(prefix) \(name)")
                    }
                }
            }
        }
    }

    /// "-" and a combining accent are one character, but the name's bytes do begin so.
    @Test func bytesAreComparedAndNotCharacters() {
        let prefix = "alice-\u{301}"
        #expect(NamePrefixes(["alice-"]).narrowed(to: prefix) == [prefix])
        #expect(NamePrefixes(["K"]).narrowed(to: "\u{212A}") == [])
    }
}

@Suite struct BearerFieldTests {
    @Test(arguments: [
        "Bearer abc", "bearer abc", "BEARER abc", "Bearer    abc",
    ])
    func theSchemeIsComparedWithoutCase(value: String) {
        #expect(BearerField([value]) == .token("abc"))
    }

    @Test(arguments: ["a", "AZaz09-._~+/", "abc=", "abc==", "opt_Aa-_"])
    func whatATokenMayBe(token: String) {
        #expect(BearerField(["Bearer \(token)"]) == .token(token))
    }

    @Test(arguments: [
        "", "Bearer", "Bearer ", "Bearer a b", "Bearer a, Bearer b", "Bearer a,b", "Bearer =",
        "Bearer a=b", "Bearer é", "Bearer \"a\"", "Bearer realm=\"x\"", " Bearer a",
        "Bearer a\u{FFFD}",
    ])
    func whatIsMalformed(value: String) {
        #expect(BearerField([value]) == .malformed)
    }

    @Test func otherSchemesAreNoTokens() {
        #expect(BearerField([]) == .absent)
        for value in ["Basic YTpi", "Bearerx abc", "Digest a=b", "opt_abc", "Bearer\ta"] {
            #expect(BearerField([value]) == .absent)
        }
    }

    @Test func thereIsOneField() {
        #expect(BearerField(["Bearer a", "Bearer a"]) == .malformed)
        #expect(BearerField(["Bearer a", "Basic YTpi"]) == .malformed)
    }
}

@Suite struct PermissionTests {
    /// The whole table, as README has it.
    private static let needs: [(Route, [Method: Scope?])] = [
        (.livez, [.get: nil, .head: nil]), (.readyz, [.get: nil, .head: nil]),
        (.service, [.get: nil, .head: nil]), (.openapi, [.get: nil, .head: nil]),
        (.metrics, [.get: .read, .head: .read]), (.sessions, [.get: .read, .head: .read]),
        (.session("s"), [
            .get: .read, .head: .read, .put: .admin, .patch: .admin, .delete: .admin,
        ]),
        (.steps("s"), [.post: .step]),
        (.receipt("s", step: 1), [.get: .read, .head: .read]),
        (.snapshots("s"), [.post: .admin]),
        (.parameters("s"), [.get: .read, .head: .read, .put: .step]),
        (.state("s"), [.get: .read, .head: .read, .put: .admin]),
    ]

    @Test func everyMethodOfEveryRouteHasItsScope() {
        for (route, needs) in Self.needs {
            #expect(Set(route.allowedMethods) == Set(needs.keys), "\(route)")
            for (method, scope) in needs {
                #expect(route.scope(for: method) == scope, "\(method.name) \(route)")
            }
            #expect(route.scope(for: .options) == nil)
        }
    }

    @Test func aScopeHoldsThoseBeforeIt() {
        for (index, own) in Scope.allCases.enumerated() {
            let principal = Principal(id: "a", scope: own, names: .all)
            #expect(refusal { try principal.require(nil as Scope?) } == nil)
            for (place, needed) in Scope.allCases.enumerated() {
                let refused = refusal { try principal.require(needed) }
                #expect((refused == nil) == (place <= index))
                let challenge = Self.challenge(#", scope="\#(needed.rawValue)""#)
                #expect(refused == nil || refused?.fields == challenge)
                #expect(refused == nil || refused?.code == .forbidden)
            }
        }
    }

    @Test func strangersMayDoNothingThatNeedsAScope() {
        for scope in Scope.allCases {
            #expect(refusal { try Principal.stranger.require(scope) } != nil)
            #expect(refusal { try Principal.anyone.require(scope) } == nil)
        }
        #expect(refusal { try Principal.stranger.require(session: "s") } != nil)
        #expect(refusal { try Principal.stranger.requireEverySession() } != nil)
    }

    @Test func sessionsOutsideThePrefixesAreRefusedByNameAlone() {
        let principal = Principal(id: "a", scope: .admin, names: NamePrefixes(["a-"]))
        #expect(refusal { try principal.require(session: "a-1") } == nil)
        let refused = refusal { try principal.require(session: "b-1") }
        #expect(refused?.code == .forbidden)
        #expect(refused?.fields == Self.challenge(""))
        #expect(refusal { try principal.requireEverySession() }?.code == .forbidden)
    }

    private static func challenge(_ end: String) -> [Problem.Field] {
        let text = #"Bearer realm="optimizerd", error="insufficient_scope""#
        return [Problem.Field(name: "WWW-Authenticate", value: text + end)]
    }

    private func refusal(_ body: () throws -> Void) -> Problem? {
        do {
            try body()
        } catch let problem as Problem {
            return problem
        } catch {
            Issue.record(error)
        }
        return nil
    }
}
