/// PyTorch's `torch.amp.GradScaler`: what a loss is multiplied with so that gradients in 16 bits do
/// not vanish, found as the run goes. A value; each step gives the next one.
///
/// It is an object only so that many of its holders share one.
public final class GradScaler: Sendable {
    /// Where the scale began.
    public let initScale: Double
    /// What the scale is multiplied with after `growthInterval` steps without infinities.
    public let growthFactor: Double
    /// What it is multiplied with after a step that was left out.
    public let backoffFactor: Double
    public let growthInterval: Int
    /// What the loss is to be multiplied with, and gradients are divided by; exact in F32.
    public let scale: Double
    /// Steps since the scale has changed.
    public let growthTracker: Int

    /// - Parameter scale: nil is `initScale`.
    public init(
        initScale: Double = 65_536, growthFactor: Double = 2, backoffFactor: Double = 0.5,
        growthInterval: Int = 2000, scale: Double? = nil, growthTracker: Int = 0
    ) {
        self.initScale = initScale
        self.growthFactor = growthFactor
        self.backoffFactor = backoffFactor
        self.growthInterval = growthInterval
        self.scale = Double(Float(scale ?? initScale))
        self.growthTracker = growthTracker
    }

    public func validate() throws(HyperparameterError) {
        func check(
            _ name: String, _ value: Double, _ holds: Bool, _ requirement: String
        ) throws(HyperparameterError) {
            guard !holds else { return }
            throw HyperparameterError(name: name, value: value, requirement: requirement)
        }
        let isScale = "must be a number > 0 that is finite as a 32-bit float, and not 0 in it"
        for (name, value) in [("init_scale", initScale), ("scale", scale)] {
            try check(name, value, Float(value).isFinite && Float(value) > 0, isScale)
        }
        try check(
            "growth_factor", growthFactor, growthFactor.isFinite && growthFactor > 1,
            "must be a finite number > 1")
        try check(
            "backoff_factor", backoffFactor, backoffFactor > 0 && backoffFactor < 1,
            "must be a number > 0 and < 1")
        try check(
            "growth_interval", Double(growthInterval), growthInterval > 0,
            "must be a whole number > 0")
        try check(
            "growth_tracker", Double(growthTracker), 0..<growthInterval ~= growthTracker,
            "must be a whole number ≥ 0 and below growth_interval")
    }

    /// After a step that was taken. A scale that would become infinite stays.
    public func afterStep() -> GradScaler {
        guard growthTracker + 1 >= growthInterval else {
            return with(scale: scale, growthTracker: growthTracker + 1)
        }
        let grown = Float(scale * growthFactor)
        return with(scale: grown.isFinite ? Double(grown) : scale, growthTracker: 0)
    }

    /// After a step that was left out for its infinities. A scale that would become 0 stays, since
    /// nothing can be divided by that.
    public func afterSkip() -> GradScaler {
        let backedOff = Float(scale * backoffFactor)
        return with(scale: backedOff > 0 ? Double(backedOff) : scale, growthTracker: 0)
    }

    private func with(scale: Double, growthTracker: Int) -> GradScaler {
        GradScaler(
            initScale: initScale, growthFactor: growthFactor, backoffFactor: backoffFactor,
            growthInterval: growthInterval, scale: scale, growthTracker: growthTracker)
    }
}

extension GradScaler: Equatable {
    public static func == (a: GradScaler, b: GradScaler) -> Bool {
        a.initScale == b.initScale && a.growthFactor == b.growthFactor
            && a.backoffFactor == b.backoffFactor && a.growthInterval == b.growthInterval
            && a.scale == b.scale && a.growthTracker == b.growthTracker
    }
}
