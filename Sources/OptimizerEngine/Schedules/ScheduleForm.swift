/// One kind of schedule.
protocol ScheduleForm {
    /// - Parameter step: not negative.
    func lr(base: Double, step: Int) -> Double
    func validate() throws(HyperparameterError)
    /// Schedules and milestones that it has in all, itself included.
    var weight: Int { get }
}

extension ScheduleForm {
    var weight: Int { 1 }
}

/// The ranges that schedules' members have.
enum ScheduleRule {
    /// Up to here a Double, and so every reader of JSON, tells whole numbers apart (RFC 8259 §6).
    private static let largestCount = 1 << 53 - 1

    static func fraction(_ value: Double, _ name: String) throws(HyperparameterError) {
        try require((0...1).contains(value), name, value, "must be a number ≥ 0 and ≤ 1")
    }

    static func nonNegative(_ value: Double, _ name: String) throws(HyperparameterError) {
        try require(value.isFinite && value >= 0, name, value, "must be a finite number ≥ 0")
    }

    static func positive(_ value: Double, _ name: String) throws(HyperparameterError) {
        try require(value.isFinite && value > 0, name, value, "must be a finite number > 0")
    }

    static func count(
        _ value: Int, _ name: String, atLeast least: Int
    ) throws(HyperparameterError) {
        try require(
            value >= least && value <= largestCount, name, Double(value),
            "must be a whole number ≥ \(least) and ≤ \(largestCount)")
    }

    /// Whole numbers, each at least so far from the one before it.
    static func milestones(
        _ values: [Int], atLeast least: Int, apart distance: Int
    ) throws(HyperparameterError) {
        var least = least
        for (index, value) in values.enumerated() {
            try count(value, "milestones/\(index)", atLeast: least)
            least = value + distance
        }
    }

    private static func require(
        _ holds: Bool, _ name: String, _ value: Double, _ requirement: String
    ) throws(HyperparameterError) {
        guard holds else {
            throw HyperparameterError(name: name, value: value, requirement: requirement)
        }
    }
}
