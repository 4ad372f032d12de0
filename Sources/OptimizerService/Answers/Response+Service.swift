import HTTP1
import HTTPServer
import OptimizerSessions

/// What `Vary` says of an answer (RFC 9110 §12.5.5). An answer that varies by `Accept-Encoding`
/// is one that `ResponseCoder` compresses.
enum Vary {
    static let coding = "Accept-Encoding"
    /// Tensors as text, and in binary.
    static let text = "Accept, Accept-Encoding"
    static let binary = "Accept, Accept-Tensor-Dtype"
}

extension Response {
    /// 304 (Not Modified) with the entity tag that the read would have had (RFC 9110 §15.4.5),
    /// and the fields that would have chosen it.
    static func notModified(
        _ tag: SessionTag, variant: String? = nil, varying: String?, waiting: Int? = nil
    ) -> Response {
        var fields = ResponseFields()
        fields.addEntityTag(tag, variant: variant)
        if let waiting { fields.addWait(waiting) }
        if let varying { fields.add("Vary", varying) }
        return Response(status: .notModified, fields: fields, body: .empty)
    }

    /// 204 (No Content) for a change whose client asked for no more (RFC 7240 §4.2).
    static func minimal(_ tag: SessionTag) -> Response {
        var fields = ResponseFields()
        fields.addEntityTag(tag)
        fields.add("Optimizer-Step", tag.step)
        fields.add("Preference-Applied", "return=minimal")
        return Response(status: .noContent, fields: fields, body: .empty)
    }

    /// A text, which may be compressed.
    static func content(_ type: String, _ bytes: [UInt8], status: Status = .ok) -> Response {
        var fields = ResponseFields()
        fields.add("Content-Type", type)
        fields.add("Vary", Vary.coding)
        return Response(status: status, fields: fields, body: .bytes(bytes))
    }
}

extension ResponseFields {
    /// That the answer was ready to wait so long (RFC 7240 §3).
    mutating func addWait(_ seconds: Int) {
        add("Preference-Applied", "wait=\(seconds)")
    }
}
