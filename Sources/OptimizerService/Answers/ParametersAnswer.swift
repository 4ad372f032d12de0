import HTTP1
import HTTPServer
import OptimizerSessions

/// The answer to a read or an overwrite of parameters.
struct ParametersAnswer: Sendable {
    let tensors: TensorAnswer

    /// A bound for what stands beside the tensors.
    static let membersBytes = 64

    func response(_ tag: SessionTag, _ vector: ParameterVector) -> Response {
        var fields = ResponseFields()
        fields.addEntityTag(tag, variant: tensors.tagVariant)
        fields.add("Optimizer-Step", tag.step)
        tensors.addFields(to: &fields)
        let body = tensors.body(vector) { $0.member("step", tag.step) }
        return Response(status: .ok, fields: fields, body: body)
    }
}
