import HTTP1
import HTTPServer
import OptimizerSessions
import SystemIO
import TensorFormats

/// The answer to a step (API §3): scalars in header fields in every format, and in the body too
/// when that is JSON.
struct StepAnswer: Sendable {
    let session: String
    let durability: Durability
    /// nil: `Prefer: return=minimal`, so no body at all.
    let tensors: TensorAnswer?
    /// Whether the norm of each gradient is told, not only that of all together.
    let tellsNorms: Bool

    /// A bound for what stands beside the tensors.
    static func membersBytes(_ description: SessionDescription, withNorms: Bool) -> Int {
        var bytes = 0
        if withNorms {
            for tensor in description.layout.tensors {
                bytes += 8 + JSONBound.name(tensor) + JSONBound.number(.F64)
            }
        }
        // The names of the members, seven numbers and a few words.
        return description.groups.reduce(bytes + 512 + JSONBound.string(description.session)) {
            $0 + JSONBound.string($1.name) + JSONBound.number(.F64)
        }
    }

    /// - Parameter send: called here, or on a writer when there is much text to write.
    func respond(
        _ outcome: StepOutcome, writers: LanePool, _ send: @escaping @Sendable (Response) -> Void
    ) {
        var fields = ResponseFields()
        addScalars(outcome, to: &fields)
        if outcome.isReplayed { fields.add("Idempotency-Replayed", "true") }
        guard let tensors else {
            fields.add("Preference-Applied", "return=minimal")
            fields.addEntityTag(outcome.tag)
            return send(Response(status: .noContent, fields: fields, body: .empty))
        }
        fields.addEntityTag(outcome.tag, variant: tensors.tagVariant)
        if let vector = outcome.output {
            tensors.addFields(to: &fields)
            if let body = tensors.binaryBody(vector) {
                return send(Response(status: .ok, fields: fields, body: body))
            }
            let text = tensors.text(vector) { write(outcome, to: &$0) }
            return text.write(with: writers) { [fields] in
                send(Response(status: .ok, fields: fields, body: $0))
            }
        }
        // A replay whose parameters are no longer there to be told.
        guard tensors.format == .json else {
            return send(Response(status: .noContent, fields: fields, body: .empty))
        }
        tensors.addFields(to: &fields)
        var json = JSONWriter()
        json.beginObject()
        write(outcome, to: &json)
        json.name("parameters")
        json.null()
        json.endObject()
        send(Response(status: .ok, fields: fields, body: .bytes(json.bytes)))
    }

    private func write(_ outcome: StepOutcome, to json: inout JSONWriter) {
        StepAnswer.write(outcome, of: session, durability, to: &json)
        if tellsNorms { StepAnswer.write(outcome.gradNorms, to: &json) }
    }

    /// `null` in a replay, for nobody remembers them.
    private static func write(
        _ norms: [(tensor: String, norm: Double)]?, to json: inout JSONWriter
    ) {
        json.name("grad_norms")
        guard let norms else { return json.null() }
        json.beginObject()
        for (tensor, norm) in norms { json.member(tensor, norm) }
        json.endObject()
    }

    static func write(
        _ outcome: StepOutcome, of session: String, _ durability: Durability,
        to json: inout JSONWriter
    ) {
        json.member("session", session)
        json.member("generation", outcome.tag.generation)
        json.member("step", outcome.tag.step)
        json.member("applied", outcome.applied)
        if let loss = outcome.loss { json.member("loss", loss) }
        json.member("grad_norm", outcome.gradNorm)
        json.member("clip_coef", outcome.clipCoef)
        if let scale = outcome.nextGradScale { json.member("next_grad_scale", scale) }
        json.name("lr")
        json.beginObject()
        for (group, lr) in outcome.lr { json.member(group, lr) }
        json.endObject()
        json.member("durability", durability.rawValue)
    }

    private func addScalars(_ outcome: StepOutcome, to fields: inout ResponseFields) {
        fields.add("Optimizer-Step", outcome.step)
        fields.add("Optimizer-Applied", literal: outcome.applied ? "true" : "false")
        fields.add("Optimizer-Grad-Norm") { Decimal.append(outcome.gradNorm, to: &$0) }
        fields.add("Optimizer-Clip-Coef") { Decimal.append(outcome.clipCoef, to: &$0) }
        if let loss = outcome.loss {
            fields.add("Optimizer-Loss") { Decimal.append(loss, to: &$0) }
        }
        if let scale = outcome.nextGradScale {
            fields.add("Optimizer-Next-Grad-Scale") { Decimal.append(scale, to: &$0) }
        }
        fields.add("Optimizer-Durability", durability.rawValue)
    }
}
