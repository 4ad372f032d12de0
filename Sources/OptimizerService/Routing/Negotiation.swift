import HTTP1
import OptimizerEngine
import OptimizerSessions
import TensorFormats

/// What a request says of its body's form, and of the form it wants back.
enum Negotiation {
    /// The form of the body by its `Content-Type`; there is no sniffing (RFC 9110 §8.3).
    static func bodyFormat(
        _ head: RequestHead, allowed: [TensorFormat]
    ) throws(Problem) -> TensorFormat {
        _ = try bodyCoding(head)
        for format in allowed where head.fields.says("Content-Type", format.name) { return format }
        guard let text = head.fields.combined("Content-Type") else {
            throw unsupported("The request names no Content-Type", allowed)
        }
        guard let type = MediaType(text) else {
            throw unsupported("The Content-Type is not a media type", allowed)
        }
        guard let format = allowed.first(where: { $0.mediaType == type.essence }) else {
            throw unsupported("\(type.essence) is not taken here", allowed)
        }
        return format
    }

    private static func unsupported(_ reason: String, _ allowed: [TensorFormat]) -> Problem {
        let types = allowed.map { "'Content-Type: \($0.mediaType)'" }.joined(separator: " or ")
        return Problem(
            .unsupportedMediaType, "\(reason); add the header \(types) (with curl: -H)."
        ).saying("Accept", allowed.map(\.mediaType).joined(separator: ", "))
    }

    /// The content coding that has to be undone to read the body (RFC 9110 §8.4).
    static func bodyCoding(_ head: RequestHead) throws(Problem) -> ContentCoding? {
        guard let text = head.fields.combined("Content-Encoding") else { return nil }
        do {
            return try ContentCoding.only(in: text)
        } catch {
            throw Problem(
                .unsupportedContentEncoding,
                "A body may have one Content-Encoding of \(ContentCoding.list), or none."
            ).saying("Accept-Encoding", ContentCoding.list)
        }
    }

    /// How answers may be coded (RFC 9110 §12.5.3). A field that is not understood says nothing.
    static func answerCoding(_ head: RequestHead) -> AcceptEncoding.Choice {
        head.fields.combined("Accept-Encoding").flatMap { AcceptEncoding($0) }?.choice ?? .identity
    }

    /// Refuses a client that would not take the answer, before anything happens for it.
    ///
    /// - Parameter isText: whether the answer can have a content coding.
    static func requireCoding(_ head: RequestHead, isText: Bool) throws(Problem) {
        switch answerCoding(head) {
        case .nothing:
            throw Problem(
                .notAcceptable,
                "The answer can have the content codings \(ContentCoding.list), or none.")
        case .coded(_, isRequired: true) where !isText:
            throw Problem(.notAcceptable, "Binary answers have no content coding.")
        case .coded, .identity: break
        }
    }

    /// The form of the answer by `Accept`, `preferred` when that leaves the choice open
    /// (RFC 9110 §12.5.1).
    static func answerFormat(
        _ head: RequestHead, preferred: TensorFormat, among offers: [TensorFormat]
    ) throws(Problem) -> TensorFormat {
        // What curl says unasked, and what most clients leave out.
        guard head.fields.contains("Accept"), !head.fields.says("Accept", "*/*") else {
            return preferred
        }
        for offer in offers where head.fields.says("Accept", offer.name) { return offer }
        let accept: Accept
        do {
            accept = try Accept(head.fields.combined("Accept"))
        } catch {
            throw Problem(.malformedRequest, "The Accept field is malformed.")
        }
        let ordered = [preferred] + offers.filter { $0 != preferred }
        guard let choice = accept.preferred(among: ordered.map(\.type)) else {
            let types = ordered.map(\.mediaType).joined(separator: ", ")
            throw Problem(.notAcceptable, "The answer can be one of \(types).")
        }
        return ordered[choice]
    }

    /// The type that a `Tensor-Dtype` or `Accept-Tensor-Dtype` field names; nil when absent.
    static func elementType(
        _ head: RequestHead, field: StaticString
    ) throws(Problem) -> ElementType? {
        guard let text = head.fields.combined(field) else { return nil }
        guard let type = DType(rawValue: text).flatMap({ ElementType($0) }) else {
            throw Problem(
                .dtypeMismatch, "\(field) must be one of F32, F64, F16, BF16.")
        }
        return type
    }

    /// Refuses a dtype that is none in both fields, also where the formats make nothing of it: a
    /// client that misspells it should not first hear so when it changes its format.
    static func checkElementTypes(_ head: RequestHead) throws(Problem) {
        _ = try elementType(head, field: "Tensor-Dtype")
        _ = try elementType(head, field: "Accept-Tensor-Dtype")
    }

    /// How long the client would wait for an answer that has something new; 0: not at all.
    static func waitSeconds(_ head: RequestHead) -> Int {
        guard head.fields.contains("Prefer") else { return 0 }
        let asked = Preferences(head.fields.combined("Prefer")).waitSeconds ?? 0
        return min(asked, PollRoom.longestWaitSeconds)
    }

    /// Whether the client asked for `Prefer: return=minimal` (RFC 7240 §4.2).
    static func prefersMinimal(_ head: RequestHead) -> Bool {
        head.fields.contains("Prefer")
            && Preferences(head.fields.combined("Prefer")).returnsMinimal
    }
}
