import SystemIO
import Testing

@testable import HTTPServer

/// Connections with a poller, a clock and peers that a seed decides. A seed that fails says so,
/// and fails again in the same way.
@Suite struct SimulationTests {
    /// `SIMULATION_SEEDS=1000` runs more of them.
    private static let seeds =
        ProcessEnvironment.value(of: "SIMULATION_SEEDS").flatMap { UInt64($0) } ?? 192

    @Test(arguments: 0..<8)
    func whateverHappens(_ part: UInt64) {
        for seed in stride(from: part, to: Self.seeds, by: 8) {
            let simulation = Simulation(seed: seed)
            simulation.run(turns: 300)
            #expect(simulation.faults.isEmpty, "seed \(seed): \(simulation.faults.prefix(3))")
        }
    }
}
