import OptimizerEngine
import TensorFormats

/// Where a session came from. Repeating the request that made a session is no conflict.
enum SessionOrigin: Sendable {
    case creation(CreationIdentity)
    /// `generation` is the first generation of the session forked from: it tells that one from
    /// a younger session under its name.
    case fork(from: String, generation: Int, step: Int)
    /// An import is a replacement and never compared.
    case stateFile
}

/// What a session was created with, by meaning: effective values rather than how they were
/// written. Kept for the session's life, whatever happens to it since.
struct CreationIdentity: Sendable {
    private let defaults: Hyperparameters
    private let groups: [Group]
    private let policy: StepPolicy
    private let durability: Durability
    private let layout: TensorLayout
    private let parameters: ParameterDigest

    /// The order of the groups means nothing, that of their members is the layout's.
    private struct Group: Equatable {
        let name: String
        let members: [Int]
        let hyperparameters: Hyperparameters
    }

    init(
        _ settings: ResolvedSettings, durability: Durability, layout: TensorLayout,
        parameters: ParameterDigest
    ) {
        defaults = settings.defaults
        groups = settings.groups.map {
            Group(
                name: $0.name, members: $0.members.sorted(),
                hyperparameters: $0.overrides.applied(to: settings.defaults))
        }.sorted { $0.name < $1.name }
        policy = settings.policy
        self.durability = durability
        self.layout = layout
        self.parameters = parameters
    }

    /// The first thing in which the two differ, as a client named it; nil when they are the same.
    func difference(from other: CreationIdentity) -> String? {
        if layout != other.layout { return "the parameters' names, dtype or shapes differ" }
        if parameters != other.parameters { return "the parameters' values differ" }
        if defaults.type != other.defaults.type { return "the optimizer's type differs" }
        if defaults != other.defaults { return "the optimizer's hyperparameters differ" }
        if groups != other.groups { return "the parameter groups differ" }
        if policy.maxGradNorm != other.policy.maxGradNorm { return "max_grad_norm differs" }
        if policy.nonfinite != other.policy.nonfinite { return "nonfinite differs" }
        if policy.normType != other.policy.normType { return "norm_type differs" }
        if policy.clipValue != other.policy.clipValue { return "clip_value differs" }
        if policy.concurrency != other.policy.concurrency { return "concurrency differs" }
        if policy != other.policy { return "grad_scaler differs" }
        if durability != other.durability { return "durability differs" }
        return nil
    }
}

// As a snapshot holds it: type (where a group has another, those of the groups behind it, after
// spaces), defaults, groups (name, members by index, values), the policy of steps, durability,
// digest.

extension CreationIdentity {
    func write(to writer: inout ByteWriter) {
        let types = groups.map(\.hyperparameters.type)
        let others = types.allSatisfy { $0 == defaults.type } ? [] : types
        writer.text(([defaults.type] + others).map(\.rawValue).joined(separator: " "))
        writer.hyperparameters(defaults)
        writer.integer(UInt32(groups.count))
        for group in groups {
            writer.text(group.name)
            writer.integer(UInt32(group.members.count))
            for member in group.members { writer.integer(UInt32(member)) }
            writer.hyperparameters(group.hyperparameters)
        }
        writer.policy(policy)
        writer.text(durability.rawValue)
        writer.raw(parameters.bytes)
    }

    init(from reader: inout ByteReader, layout: TensorLayout) throws(ByteReader.Fault) {
        let types = try reader.text().split(separator: " ", omittingEmptySubsequences: false)
            .map { OptimizerType(rawValue: String($0)) }
        guard case let type?? = types.first else { throw ByteReader.Fault() }
        defaults = try reader.hyperparameters(of: type)
        var groups: [Group] = []
        let groupCount = try reader.count(UInt32.self)
        guard types.count == 1 || types.count == 1 + groupCount else { throw ByteReader.Fault() }
        for index in 0..<groupCount {
            let name = try reader.text()
            var members: [Int] = []
            for _ in 0..<(try reader.count(UInt32.self)) {
                members.append(try reader.count(UInt32.self))
            }
            guard let type = types.count == 1 ? type : types[1 + index] else {
                throw ByteReader.Fault()
            }
            let values = try reader.hyperparameters(of: type)
            groups.append(Group(name: name, members: members, hyperparameters: values))
        }
        self.groups = groups
        policy = try reader.policy()
        durability = try reader.choice(Durability.self)
        self.layout = layout
        parameters = ParameterDigest(bytes: Array(try reader.raw(BLAKE2b.digestBytes)))
    }
}
