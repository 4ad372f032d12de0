import Synchronization

/// What became of the steps that were asked for since the process started.
final class StepTally: Sendable {
    private let applied = Atomic<UInt64>(0)
    private let skipped = Atomic<UInt64>(0)
    private let refused = Atomic<UInt64>(0)

    func count(applied isApplied: Bool) {
        if isApplied {
            applied.add(1, ordering: .relaxed)
        } else {
            skipped.add(1, ordering: .relaxed)
        }
    }

    /// Refused when its gradients were there already; what a head alone refuses is not counted.
    func countRefusal() { refused.add(1, ordering: .relaxed) }

    var byOutcome: [(outcome: String, count: UInt64)] {
        [
            ("applied", applied.load(ordering: .relaxed)),
            ("refused", refused.load(ordering: .relaxed)),
            ("skipped", skipped.load(ordering: .relaxed)),
        ]
    }
}
