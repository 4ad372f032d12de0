import HTTP1
import HTTPServer
import OptimizerSessions

extension Response {
    /// 304 (Not Modified) with the entity tag that the read would have had (RFC 9110 §15.4.5).
    static func notModified(_ tag: SessionTag, variant: String? = nil) -> Response {
        var fields = ResponseFields()
        fields.add("ETag", Preconditions.entityTag(tag, variant: variant))
        return Response(status: .notModified, fields: fields, body: .empty)
    }

    /// 204 (No Content) for a change whose client asked for no more (RFC 7240 §4.2).
    static func minimal(_ tag: SessionTag) -> Response {
        var fields = ResponseFields()
        fields.add("ETag", Preconditions.entityTag(tag))
        fields.add("Optimizer-Step", String(tag.step))
        fields.add("Preference-Applied", "return=minimal")
        return Response(status: .noContent, fields: fields, body: .empty)
    }

    static func content(_ type: String, _ bytes: [UInt8], status: Status = .ok) -> Response {
        var fields = ResponseFields()
        fields.add("Content-Type", type)
        return Response(status: status, fields: fields, body: .bytes(bytes))
    }
}
