import HTTP1
import OptimizerEngine
import OptimizerSessions
import TensorFormats

/// What a step may be asked beside its gradients (API §3), the same in every format.
struct StepDocument {
    private(set) var options = StepOptions(partial: .error)
    private(set) var loss: Double?

    static let names = ["lr", "grad_scale", "max_grad_norm", "nonfinite", "partial", "loss"]

    /// Nothing is asked.
    private init() {}

    /// The options of a JSON body, or of the `options` text in a safetensors file's metadata.
    init(_ members: [JSONMember]) throws(SettingsFault) {
        var reader = MemberReader(members, at: "")
        options.lr = try StepDocument.learningRate(from: &reader)
        options.gradScale = try reader.number("grad_scale")
        if let norm = try reader.nullableNumber("max_grad_norm") {
            options.maxGradNorm = norm.map { .norm($0) } ?? .none
        }
        options.nonfinite = try reader.choice("nonfinite", of: NonFinitePolicy.self)
        options.partial = try reader.choice("partial", of: PartialPolicy.self) ?? .error
        loss = try reader.number("loss")
        if let loss, !loss.isFinite {
            throw SettingsFault(.invalidValue, "/loss", "must be a finite number")
        }
        try reader.finish()
    }

    /// The options of a raw body, which come as query parameters.
    init(_ query: QueryParameters) throws(Problem) {
        guard !query.pairs.isEmpty else {
            self.init()
            return
        }
        var members: [JSONMember] = []
        for (name, text) in query.pairs {
            switch name {
            case "nonfinite", "partial":
                members.append(JSONMember(name: name, value: .string(text)))
            default:
                members.append(JSONMember(name: name, value: try StepDocument.value(text, name)))
            }
        }
        do {
            try self.init(members)
        } catch {
            throw Problem(error)
        }
    }

    /// The options that a safetensors file carries as JSON text in its metadata.
    init(_ header: SafetensorsHeader, limits: FormatLimits) throws(Problem) {
        guard let text = header.metadata("options") else {
            self.init()
            return
        }
        var limits = limits
        limits.jsonValueBytes = min(limits.jsonValueBytes, ServiceLimits.documentBytes)
        let members = try MetadataText.object(text, named: "options", limits: limits)
        do {
            try self.init(members)
        } catch {
            throw Problem(error)
        }
    }

    private static func value(_ text: String, _ name: String) throws(Problem) -> JSONValue {
        do {
            return try text.parsedAsJSON()
        } catch {
            throw Problem(
                .malformedJSON, at: JSONPointer.of(name),
                "'\(name)' is not a JSON value: at byte \(error.offset), \(error.reason)")
        }
    }

    private static func learningRate(
        from reader: inout MemberReader
    ) throws(SettingsFault) -> StepOptions.LearningRate {
        guard let value = reader.take("lr") else { return .groups }
        switch value {
        case .number(let rate):
            return .all(rate)
        case .object(let members):
            var rates: [String: Double] = [:]
            for member in members {
                guard case .number(let rate) = member.value else {
                    throw SettingsFault(
                        .invalidValue, JSONPointer.of("lr", member.name), "must be a number")
                }
                rates[member.name] = rate
            }
            return .byGroup(rates)
        default:
            throw SettingsFault(
                .invalidValue, "/lr", "must be a number, or an object of numbers by group")
        }
    }
}
