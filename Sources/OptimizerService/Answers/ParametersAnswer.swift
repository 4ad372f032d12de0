import HTTP1
import HTTPServer
import OptimizerSessions

/// The answer to a read or an overwrite of parameters.
struct ParametersAnswer: Sendable {
    let tensors: TensorAnswer
    /// How long the read was ready to wait; nil: not at all.
    var waited: Int?

    /// A bound for what stands beside the tensors.
    static let membersBytes = 64

    /// The answer to a reading. One without its vector is a defect of the sessions.
    func respond(
        _ reading: ParameterReading, writers: LanePool,
        _ send: @escaping @Sendable (Response) -> Void
    ) throws(Problem) {
        guard let vector = reading.vector else {
            throw Problem(.internalError, "The parameters were not read.")
        }
        respond(reading.tag, vector, writers: writers, send)
    }

    /// - Parameter send: called here, or on a writer when there is much text to write.
    func respond(
        _ tag: SessionTag, _ vector: ParameterVector, writers: LanePool,
        _ send: @escaping @Sendable (Response) -> Void
    ) {
        var fields = ResponseFields()
        fields.addEntityTag(tag, variant: tensors.tagVariant)
        fields.add("Optimizer-Step", tag.step)
        if let waited { fields.addWait(waited) }
        tensors.addFields(to: &fields)
        if let body = tensors.binaryBody(vector) {
            return send(Response(status: .ok, fields: fields, body: body))
        }
        let text = tensors.text(vector) { $0.member("step", tag.step) }
        text.write(with: writers) { [fields] in
            send(Response(status: .ok, fields: fields, body: $0))
        }
    }
}
