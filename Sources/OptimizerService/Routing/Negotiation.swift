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
        try requireIdentityCoding(head)
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
            .unsupportedMediaType, "\(reason); add the header \(types) (with curl: -H).")
    }

    /// Bodies come as they are: no content coding is undone (RFC 9110 §8.4).
    static func requireIdentityCoding(_ head: RequestHead) throws(Problem) {
        guard let coding = head.fields.combined("Content-Encoding") else { return }
        guard coding.lowercased() == "identity" else {
            throw Problem(
                .unsupportedContentEncoding,
                "Bodies are taken without a content coding; leave Content-Encoding out.")
        }
    }

    /// The form of the answer by `Accept`, `preferred` when that leaves the choice open
    /// (RFC 9110 §12.5.1).
    static func answerFormat(
        _ head: RequestHead, preferred: TensorFormat, among offers: [TensorFormat]
    ) throws(Problem) -> TensorFormat {
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

    /// Whether the client asked for `Prefer: return=minimal` (RFC 7240 §4.2).
    static func prefersMinimal(_ head: RequestHead) -> Bool {
        Preferences(head.fields.combined("Prefer")).returnsMinimal
    }
}
