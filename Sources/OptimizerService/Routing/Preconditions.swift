import HTTP1
import OptimizerSessions

/// Entity tags of requests and answers (API §4): `"<generation>-<step>"`, with a suffix after
/// `+` for variants by format.
enum Preconditions {
    /// The field value for a version's entity tag.
    static func entityTag(_ tag: SessionTag, variant: String? = nil) -> String {
        variant.map { "\"\(tag)+\($0)\"" } ?? "\"\(tag)\""
    }

    /// What `If-Match` demands; nil without that field. Weak tags never match under the strong
    /// comparison that it uses (RFC 9110 §13.1.1), and neither does a tag of no version.
    static func ifMatch(_ head: RequestHead) throws(Problem) -> Precondition? {
        guard let list = try tags(head, "If-Match") else { return nil }
        switch list {
        case .any: return .exists
        case .tags(let tags):
            return .isOneOf(tags.filter { !$0.isWeak }.compactMap { SessionTag($0.opaque) })
        }
    }

    /// Whether `If-None-Match: *` asks that there be no session yet (RFC 9110 §13.1.2).
    static func demandsAbsence(_ head: RequestHead) throws(Problem) -> Bool {
        guard let list = try tags(head, "If-None-Match") else { return false }
        switch list {
        case .any: return true
        case .tags:
            throw Problem(
                .malformedRequest, "On this method If-None-Match can only be *.")
        }
    }

    /// Whether the client already holds the version that a read would answer (304).
    static func isCurrent(_ head: RequestHead, _ tag: SessionTag) throws(Problem) -> Bool {
        guard let list = try tags(head, "If-None-Match") else { return false }
        switch list {
        case .any: return true
        case .tags(let tags): return tags.contains { SessionTag($0.opaque) == tag }
        }
    }

    private static func tags(
        _ head: RequestHead, _ field: StaticString
    ) throws(Problem) -> EntityTagList? {
        guard let text = head.fields.combined(field) else { return nil }
        do {
            return try EntityTagList(text)
        } catch {
            throw Problem(.malformedRequest, "The \(field) field is no list of entity tags.")
        }
    }
}
