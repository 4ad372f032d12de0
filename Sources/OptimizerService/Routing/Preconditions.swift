import HTTP1
import OptimizerSessions

/// Entity tags of requests and answers (API §4): `"<generation>-<step>"`, with a suffix after
/// `+` for variants by format.
enum Preconditions {
    /// What `If-Match` demands; nil without that field. Weak tags never match under the strong
    /// comparison that it uses (RFC 9110 §13.1.1), and neither does a tag of no version.
    private static func ifMatch(_ head: RequestHead) throws(Problem) -> Precondition? {
        guard let list = try tags(head, "If-Match") else { return nil }
        switch list {
        case .any: return .exists
        case .tags(let tags):
            return .isOneOf(tags.filter { !$0.isWeak }.compactMap { SessionTag($0.opaque) })
        }
    }

    /// What a request that changes something demands of the session's version. It is judged here
    /// by the version of the moment, before a body is sent in vain, and again by the one that
    /// `Precondition` is handed to, when the change has its turn.
    static func ofChange(
        _ head: RequestHead, current: SessionTag?
    ) throws(Problem) -> Precondition? {
        let (demanded, broken) = try judge(head, current)
        guard let broken else { return demanded }
        throw Problem(
            SessionError.preconditionFailed(expected: broken, current: current), root: "")
    }

    /// The same for gradients, whose refusals have codes of their own.
    static func ofStep(
        _ head: RequestHead, of description: SessionDescription
    ) throws(Problem) -> Precondition? {
        let current = description.tag
        let (demanded, broken) = try judge(head, current)
        let error: SessionError
        if let broken {
            error = .stepMismatch(expected: broken, current: current)
        } else if description.policy.concurrency == .exclusive,
            !head.fields.contains("If-Match")
        {
            error = .preconditionRequired(current: current)
        } else {
            return demanded
        }
        throw Problem(error, root: "")
    }

    /// What both fields demand, and which of it does not hold now (RFC 9110 §13.2.2).
    private static func judge(
        _ head: RequestHead, _ current: SessionTag?
    ) throws(Problem) -> (demanded: Precondition?, broken: Precondition?) {
        let demands = [try ifMatch(head), try ifNoneMatch(head)].compactMap { $0 }
        let broken = demands.first { !$0.holds(for: current) }
        return (demands.count > 1 ? .all(demands) : demands.first, broken)
    }

    /// What `If-None-Match` demands of a change; weak tags match as well (RFC 9110 §13.1.2).
    private static func ifNoneMatch(_ head: RequestHead) throws(Problem) -> Precondition? {
        guard let list = try tags(head, "If-None-Match") else { return nil }
        switch list {
        case .any: return .isAbsent
        case .tags(let tags): return .isNoneOf(tags.compactMap { SessionTag($0.opaque) })
        }
    }

    /// Whether the client already holds the version that a read would answer (304). What
    /// `If-Match` demands is judged first (RFC 9110 §13.2.2).
    static func isCurrent(_ head: RequestHead, _ tag: SessionTag) throws(Problem) -> Bool {
        if let demanded = try ifMatch(head), !demanded.holds(for: tag) {
            throw Problem(
                SessionError.preconditionFailed(expected: demanded, current: tag), root: "")
        }
        guard let list = try tags(head, "If-None-Match") else { return false }
        switch list {
        case .any: return true
        case .tags(let tags): return tags.contains { SessionTag($0.opaque) == tag }
        }
    }

    /// Whether `If-None-Match` names versions, so that another one would be something new: `*` is
    /// whatever there is.
    static func namesVersions(_ head: RequestHead) throws(Problem) -> Bool {
        if case .tags = try tags(head, "If-None-Match") { true } else { false }
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

extension ResponseFields {
    /// Adds the entity tag of a version, or of a variant of it.
    mutating func addEntityTag(_ tag: SessionTag, variant: String? = nil) {
        add("ETag") { bytes in
            bytes.append(UInt8(ascii: "\""))
            ResponseEncoder.append(decimal: tag.generation, into: &bytes)
            bytes.append(UInt8(ascii: "-"))
            ResponseEncoder.append(decimal: tag.step, into: &bytes)
            if let variant {
                bytes.append(UInt8(ascii: "+"))
                bytes.append(contentsOf: variant.utf8)
            }
            bytes.append(UInt8(ascii: "\""))
        }
    }
}
