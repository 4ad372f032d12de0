import OptimizerEngine
import Testing

struct GradScalerTests {
    struct Run: Sendable {
        let scaler: GradScaler
        /// By `torch._amp_update_scale_` (torch 2.15) after each of `infinities`.
        let scales: [Float]
        let trackers: [Int]
    }

    static let infinities = [
        false, false, false, true, false, false, false, false, true, true, false, false,
    ]

    @Test(arguments: [
        Run(
            scaler: GradScaler(growthInterval: 3),
            scales: [
                65536, 65536, 131072, 65536, 65536, 65536, 131072, 131072, 65536, 32768, 32768,
                32768,
            ],
            trackers: [1, 2, 0, 0, 1, 2, 0, 1, 0, 0, 1, 2]),
        Run(
            scaler: GradScaler(
                initScale: 1000, growthFactor: 1.7, backoffFactor: 0.3, growthInterval: 2),
            scales: [
                1000, 1700, 1700, 510, 510, 867, 867, 1473.9000244140625, 442.1700134277344,
                132.6510009765625, 132.6510009765625, 225.50669860839844,
            ],
            trackers: [1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0]),
        // Beyond the largest number it stays.
        Run(
            scaler: GradScaler(initScale: 3e38, growthInterval: 1),
            scales: [
                3e38, 3e38, 3e38, 1.5e38, 3e38, 3e38, 3e38, 3e38, 1.5e38, 7.5e37, 1.5e38, 3e38,
            ],
            trackers: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ])
    func scalesAreTorchs(_ run: Run) throws {
        try run.scaler.validate()
        var scaler = run.scaler
        for (index, isInfinite) in Self.infinities.enumerated() {
            scaler = isInfinite ? scaler.afterSkip() : scaler.afterStep()
            #expect(scaler.scale == Double(run.scales[index]), "step \(index)")
            #expect(scaler.growthTracker == run.trackers[index], "step \(index)")
            try scaler.validate()
        }
    }

    /// PyTorch's becomes 0, and every gradient after it NaN.
    @Test func neverBecomesZero() throws {
        var scaler = GradScaler(initScale: 1e-44, backoffFactor: 0.25)
        for _ in 0..<10 { scaler = scaler.afterSkip() }
        #expect(scaler.scale > 0 && scaler.scale < 1e-44)
        try scaler.validate()
    }

    @Test func rangesAreGuarded() {
        let wrong: [(String, GradScaler)] = [
            ("init_scale", GradScaler(initScale: 0)), ("init_scale", GradScaler(initScale: 1e39)),
            ("init_scale", GradScaler(initScale: .nan)),
            ("init_scale", GradScaler(initScale: 1e-50)), ("scale", GradScaler(scale: -1)),
            ("growth_factor", GradScaler(growthFactor: 1)),
            ("growth_factor", GradScaler(growthFactor: .infinity)),
            ("backoff_factor", GradScaler(backoffFactor: 1)),
            ("backoff_factor", GradScaler(backoffFactor: 0)),
            ("growth_interval", GradScaler(growthInterval: 0)),
            ("growth_interval", GradScaler(growthInterval: .min)),
            ("growth_tracker", GradScaler(growthInterval: 5, growthTracker: 5)),
            ("growth_tracker", GradScaler(growthTracker: -1)),
        ]
        for (name, scaler) in wrong {
            let error = #expect(throws: HyperparameterError.self) { try scaler.validate() }
            #expect(error?.name == name)
        }
    }
}
