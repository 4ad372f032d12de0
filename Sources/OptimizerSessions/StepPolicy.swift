import OptimizerEngine
import TensorFormats

/// What a session does with every step's gradients, unless a step asks for something else.
package struct StepPolicy: Equatable, Sendable {
    /// nil: no clipping.
    package var maxGradNorm: Double?
    package var nonfinite: NonFinitePolicy
    /// nil: gradients are divided by what a step says, if anything.
    package var gradScaler: GradScaler?

    package init(
        maxGradNorm: Double? = nil, nonfinite: NonFinitePolicy = .reject,
        gradScaler: GradScaler? = nil
    ) {
        self.maxGradNorm = maxGradNorm
        self.nonfinite = nonfinite
        self.gradScaler = gradScaler
    }

    /// What a step does with infinities that says nothing of them. They are what a scaler works by.
    var effectiveNonfinite: NonFinitePolicy { gradScaler == nil ? nonfinite : .skip }

    func check() throws(SettingsFault) {
        if let maxGradNorm, !(maxGradNorm.isFinite && maxGradNorm >= 0) {
            throw SettingsFault(
                HyperparameterError(
                    name: "max_grad_norm", value: maxGradNorm,
                    requirement: "must be a finite number ≥ 0"),
                at: "/max_grad_norm")
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
    package var nonfinite: NonFinitePolicy?
    package var gradScaler: GradScalerPatch?

    func applied(to policy: StepPolicy) -> StepPolicy {
        var policy = policy
        switch maxGradNorm {
        case .inherited: break
        case .none: policy.maxGradNorm = nil
        case .norm(let norm): policy.maxGradNorm = norm
        }
        policy.nonfinite = nonfinite ?? policy.nonfinite
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
        if let norm = try nullableNumber("max_grad_norm") {
            patch.maxGradNorm = norm.map { .norm($0) } ?? .none
        }
        patch.nonfinite = try choice("nonfinite", of: NonFinitePolicy.self)
        patch.gradScaler = try gradScaler()
        return patch
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

// As a snapshot holds it: a byte of flags (1: a bound of the norm, 2: a scaler), the bound as a
// double, the policy for what is not finite as a text, and of a scaler three factors, interval,
// scale and tracker.

extension ByteWriter {
    mutating func policy(_ policy: StepPolicy) {
        raw([(policy.maxGradNorm == nil ? 0 : 1) | (policy.gradScaler == nil ? 0 : 2)])
        double(policy.maxGradNorm ?? 0)
        text(policy.nonfinite.rawValue)
        guard let scaler = policy.gradScaler else { return }
        double(scaler.initScale)
        double(scaler.growthFactor)
        double(scaler.backoffFactor)
        integer(Int64(scaler.growthInterval))
        double(scaler.scale)
        integer(Int64(scaler.growthTracker))
    }
}

extension ByteReader {
    mutating func policy() throws(Fault) -> StepPolicy {
        let flags = try integer(UInt8.self)
        guard flags & ~3 == 0 else { throw Fault() }
        let bound = try double()
        var policy = StepPolicy(
            maxGradNorm: flags & 1 != 0 ? bound : nil, nonfinite: try choice(NonFinitePolicy.self))
        if flags & 2 != 0 {
            policy.gradScaler = GradScaler(
                initScale: try double(), growthFactor: try double(), backoffFactor: try double(),
                growthInterval: try number(), scale: try double(), growthTracker: try number())
        }
        return policy
    }
}
