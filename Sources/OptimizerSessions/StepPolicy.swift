import OptimizerEngine
import TensorFormats

/// What a session does with every step's gradients, unless a step asks for something else.
package struct StepPolicy: Equatable, Sendable {
    /// nil: no clipping.
    package var maxGradNorm: Double?
    /// Which norm that is, and which one steps tell.
    package var normType: GradientNorm
    /// Bounds every element after that; nil does not.
    package var clipValue: Double?
    package var nonfinite: NonFinitePolicy
    /// nil: gradients are divided by what a step says, if anything.
    package var gradScaler: GradScaler?
    package var concurrency = Concurrency.open

    package init(
        maxGradNorm: Double? = nil, normType: GradientNorm = .two, clipValue: Double? = nil,
        nonfinite: NonFinitePolicy = .reject, gradScaler: GradScaler? = nil
    ) {
        self.maxGradNorm = maxGradNorm
        self.normType = normType
        self.clipValue = clipValue
        self.nonfinite = nonfinite
        self.gradScaler = gradScaler
    }

    /// What a step does with infinities that says nothing of them. They are what a scaler works by.
    var effectiveNonfinite: NonFinitePolicy { gradScaler == nil ? nonfinite : .skip }

    func check() throws(SettingsFault) {
        for (name, value) in [("max_grad_norm", maxGradNorm), ("clip_value", clipValue)] {
            guard let value, !(value.isFinite && value >= 0) else { continue }
            throw SettingsFault(
                HyperparameterError(
                    name: name, value: value, requirement: "must be a finite number ≥ 0"),
                at: "/\(name)")
        }
        do {
            try gradScaler?.validate()
        } catch {
            throw SettingsFault(error, at: "/grad_scaler/\(error.name)")
        }
    }
}

/// A change of it; what is nil stays.
package struct StepPolicyPatch: Sendable {
    package var maxGradNorm = StepOptions.Clipping.inherited
    package var normType: GradientNorm?
    package var clipValue = StepOptions.ValueClipping.inherited
    package var nonfinite: NonFinitePolicy?
    package var gradScaler: GradScalerPatch?
    package var concurrency: Concurrency?

    func applied(to policy: StepPolicy) -> StepPolicy {
        var policy = policy
        switch maxGradNorm {
        case .inherited: break
        case .none: policy.maxGradNorm = nil
        case .norm(let norm): policy.maxGradNorm = norm
        }
        policy.normType = normType ?? policy.normType
        switch clipValue {
        case .inherited: break
        case .none: policy.clipValue = nil
        case .value(let value): policy.clipValue = value
        }
        policy.nonfinite = nonfinite ?? policy.nonfinite
        policy.concurrency = concurrency ?? policy.concurrency
        if let gradScaler { policy.gradScaler = gradScaler.applied(to: policy.gradScaler) }
        return policy
    }
}

package enum GradScalerPatch: Sendable {
    case off
    case values(Values)

    package struct Values: Sendable {
        package var initScale: Double?
        package var growthFactor: Double?
        package var backoffFactor: Double?
        package var growthInterval: Int?
        package var scale: Double?
        package var growthTracker: Int?
    }

    func applied(to scaler: GradScaler?) -> GradScaler? {
        guard case .values(let values) = self else { return nil }
        let base = scaler ?? GradScaler()
        let initScale = values.initScale ?? base.initScale
        let growthInterval = values.growthInterval ?? base.growthInterval
        return GradScaler(
            initScale: initScale, growthFactor: values.growthFactor ?? base.growthFactor,
            backoffFactor: values.backoffFactor ?? base.backoffFactor,
            growthInterval: growthInterval, scale: values.scale ?? scaler?.scale ?? initScale,
            // A shorter interval that has passed already is over with the next step.
            growthTracker: values.growthTracker
                ?? min(base.growthTracker, max(1, growthInterval) - 1))
    }
}

extension MemberReader {
    /// What is said of the steps' policy.
    mutating func policy() throws(SettingsFault) -> StepPolicyPatch {
        var patch = StepPolicyPatch()
        patch.maxGradNorm = try maxGradNorm()
        patch.normType = try normType()
        patch.clipValue = try clipValue()
        patch.nonfinite = try choice("nonfinite", of: NonFinitePolicy.self)
        patch.gradScaler = try gradScaler()
        patch.concurrency = try concurrency()
        return patch
    }

    package mutating func maxGradNorm() throws(SettingsFault) -> StepOptions.Clipping {
        guard let norm = try nullableNumber("max_grad_norm") else { return .inherited }
        return norm.map { .norm($0) } ?? .none
    }

    package mutating func clipValue() throws(SettingsFault) -> StepOptions.ValueClipping {
        guard let value = try nullableNumber("clip_value") else { return .inherited }
        return value.map { .value($0) } ?? .none
    }

    /// 1, 2, 3 or "inf", as in PyTorch.
    package mutating func normType() throws(SettingsFault) -> GradientNorm? {
        guard let value = take("norm_type") else { return nil }
        switch value {
        case .number(1): return .one
        case .number(2): return .two
        case .number(3): return .three
        case .string("inf"): return .infinity
        default:
            throw SettingsFault(
                .invalidHyperparameter, JSONPointer.of("norm_type"), "must be 1, 2, 3 or \"inf\"")
        }
    }

    private mutating func concurrency() throws(SettingsFault) -> Concurrency? {
        guard var reader = try object("concurrency") else { return nil }
        guard let type = try reader.choice("type", of: Concurrency.self) else {
            throw reader.missing("type")
        }
        try reader.finish()
        return type
    }

    private mutating func gradScaler() throws(SettingsFault) -> GradScalerPatch? {
        if takesNull("grad_scaler") { return .off }
        guard var reader = try object("grad_scaler", or: "null") else { return nil }
        var values = GradScalerPatch.Values()
        values.initScale = try reader.number("init_scale")
        values.growthFactor = try reader.number("growth_factor")
        values.backoffFactor = try reader.number("backoff_factor")
        values.growthInterval = try reader.whole("growth_interval")
        values.scale = try reader.number("scale")
        values.growthTracker = try reader.whole("growth_tracker")
        try reader.finish()
        return .values(values)
    }
}

extension JSONWriter {
    package mutating func value(_ concurrency: Concurrency) {
        beginObject()
        member("type", concurrency.rawValue)
        endObject()
    }

    package mutating func value(_ norm: GradientNorm) {
        switch norm {
        case .one: integer(1)
        case .two: integer(2)
        case .three: integer(3)
        case .infinity: string("inf")
        }
    }

    /// A scaler's settings, and how far it has come.
    package mutating func value(_ scaler: GradScaler) {
        beginObject()
        member("init_scale", scaler.initScale)
        member("growth_factor", scaler.growthFactor)
        member("backoff_factor", scaler.backoffFactor)
        member("growth_interval", scaler.growthInterval)
        member("scale", scaler.scale)
        member("growth_tracker", scaler.growthTracker)
        endObject()
    }
}

// As a snapshot holds it: a byte of flags (1: a bound of the norm, 2: a scaler, 4: a bound of the
// elements, 8: exclusive; 16, 32 and 48: norm 1, 3 and infinity), the norm's bound as a double, the
// policy for what is not finite as a text, of a scaler three factors, interval, scale and tracker,
// and the elements' bound.

extension ByteWriter {
    mutating func policy(_ policy: StepPolicy) {
        raw([
            (policy.maxGradNorm == nil ? 0 : 1) | (policy.gradScaler == nil ? 0 : 2)
                | (policy.clipValue == nil ? 0 : 4) | (policy.concurrency == .open ? 0 : 8)
                | policy.normType.flags
        ])
        double(policy.maxGradNorm ?? 0)
        text(policy.nonfinite.rawValue)
        if let scaler = policy.gradScaler {
            double(scaler.initScale)
            double(scaler.growthFactor)
            double(scaler.backoffFactor)
            integer(Int64(scaler.growthInterval))
            double(scaler.scale)
            integer(Int64(scaler.growthTracker))
        }
        if let value = policy.clipValue { double(value) }
    }
}

extension ByteReader {
    mutating func policy() throws(Fault) -> StepPolicy {
        let flags = try integer(UInt8.self)
        guard flags & ~0x3F == 0 else { throw Fault() }
        let bound = try double()
        var policy = StepPolicy(
            maxGradNorm: flags & 1 != 0 ? bound : nil, nonfinite: try choice(NonFinitePolicy.self))
        if flags & 2 != 0 {
            policy.gradScaler = GradScaler(
                initScale: try double(), growthFactor: try double(), backoffFactor: try double(),
                growthInterval: try number(), scale: try double(), growthTracker: try number())
        }
        policy.normType = GradientNorm.allCases.first { $0.flags == flags & 0x30 } ?? .two
        if flags & 4 != 0 { policy.clipValue = try double() }
        policy.concurrency = flags & 8 != 0 ? .exclusive : .open
        return policy
    }
}

extension GradientNorm {
    fileprivate var flags: UInt8 {
        switch self {
        case .two: 0
        case .one: 16
        case .three: 32
        case .infinity: 48
        }
    }
}
