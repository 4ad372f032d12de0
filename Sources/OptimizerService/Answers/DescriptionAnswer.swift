import HTTP1
import HTTPServer
import OptimizerEngine
import OptimizerSessions
import SystemIO
import TensorFormats

/// A session's description as JSON (API §2a).
enum DescriptionAnswer {
    /// - Parameter memory: at least `byteBound(description)`, kept until the answer is sent.
    static func response(
        _ description: SessionDescription, status: Status = .ok, memory: Reservation
    ) -> Response {
        var fields = ResponseFields()
        fields.add("Content-Type", TensorFormat.json.mediaType)
        fields.add("Vary", Vary.coding)
        fields.addEntityTag(description.tag)
        if status == .created {
            fields.add("Location", "/v1/sessions/\(description.session)")
        }
        var json = JSONWriter(capacity: memory.byteCount)
        write(description, to: &json)
        memory.shrink(to: json.bytes.count)
        return Response(status: status, fields: fields, body: .bytes(json.bytes, owner: memory))
    }

    /// What the answer's text takes at most.
    static func byteBound(_ description: SessionDescription) -> Int {
        // The hyperparameters of any type with their names take fewer than 512 bytes, and so does
        // all else of an object in the arrays; 2048 hold what there is once.
        var bound = 2048 + JSONBound.string(description.session)
        bound += description.hyperparameters.lrSchedule?.jsonBytes ?? 0
        for group in description.groups {
            // Each group is named where it is described, and with its next rate.
            bound += 1024 + 2 * JSONBound.string(group.name) + JSONBound.number(.F64)
            bound += group.hyperparameters.lrSchedule?.jsonBytes ?? 0
        }
        for tensor in description.layout.tensors {
            // Each tensor is named in the layout, and in one group.
            bound += 128 + 2 * JSONBound.name(tensor) + JSONBound.integer * tensor.shape.count
        }
        return bound
    }

    /// How much work an answer is, counted in numbers to write.
    static func weight(_ description: SessionDescription) -> Int {
        64 * (description.layout.tensors.count + description.groups.count)
    }

    private static func write(_ description: SessionDescription, to json: inout JSONWriter) {
        json.beginObject()
        json.member("session", description.session)
        json.member("generation", description.generation)
        json.member("step", description.step)
        json.member("skipped", description.skipped)
        json.name("optimizer")
        json.beginObject()
        json.member("type", description.hyperparameters.type.rawValue)
        json.members(description.hyperparameters)
        json.endObject()
        json.name("param_groups")
        json.beginArray()
        for group in description.groups { write(group, to: &json) }
        json.endArray()
        json.name("next_lr")
        writeNextRates(of: description, to: &json)
        json.name("max_grad_norm")
        if let norm = description.policy.maxGradNorm { json.number(norm) } else { json.null() }
        json.name("norm_type")
        json.value(description.policy.normType)
        json.name("clip_value")
        if let value = description.policy.clipValue { json.number(value) } else { json.null() }
        json.member("nonfinite", description.policy.nonfinite.rawValue)
        json.name("grad_scaler")
        if let scaler = description.policy.gradScaler { json.value(scaler) } else { json.null() }
        json.name("concurrency")
        json.value(description.policy.concurrency)
        json.member("accumulated", description.accumulated)
        json.member("durability", description.durability.rawValue)
        json.name("retain_steps")
        if let steps = description.retainSteps { json.integer(steps) } else { json.null() }
        json.member("dtype", description.dtype.rawValue)
        json.name("layout")
        write(description.layout, to: &json)
        json.member("parameters", description.parameterCount)
        json.member("bytes", description.layout.byteCount)
        json.member("created", WallClock.rfc3339(description.created))
        json.member("updated", WallClock.rfc3339(description.updated))
        json.endObject()
    }

    private static func write(_ group: GroupDescription, to json: inout JSONWriter) {
        json.beginObject()
        json.member("name", group.name)
        json.name("params")
        json.beginArray()
        for name in group.params { json.string(name) }
        json.endArray()
        json.member("type", group.hyperparameters.type.rawValue)
        json.members(group.hyperparameters)
        json.endObject()
    }

    /// The rate that each group has in the next step that is applied, unless it asks for another.
    private static func writeNextRates(
        of description: SessionDescription, to json: inout JSONWriter
    ) {
        json.beginObject()
        for group in description.groups {
            json.name(group.name)
            let rate = group.hyperparameters.lr(at: description.step)
            // A schedule may grow beyond all numbers; such a step is refused.
            if rate.isFinite { json.number(rate) } else { json.null() }
        }
        json.endObject()
    }

    private static func write(_ layout: TensorLayout, to json: inout JSONWriter) {
        json.beginArray()
        for (tensor, offset) in zip(layout.tensors, layout.byteOffsets) {
            json.beginObject()
            json.member("name", tensor.name)
            json.member("dtype", tensor.dtype.rawValue)
            json.name("shape")
            json.beginArray()
            for size in tensor.shape { json.integer(size) }
            json.endArray()
            json.member("offset", offset)
            json.endObject()
        }
        json.endArray()
    }
}

extension SessionDescription {
    /// The one dtype of the session's tensors.
    var dtype: DType { elementType.dtype }
}
