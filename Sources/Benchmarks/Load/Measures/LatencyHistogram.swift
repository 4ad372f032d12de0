import SystemIO

/// Times in nanoseconds, counted in buckets whose width is at most 1/128 of what they hold, so that
/// a quantile is at most 0.8 % too long and never too short.
///
/// Times below 256 ns have a bucket each. From there on every doubling is cut into 128 buckets: a
/// time is shifted right until 8 bits are left, and its bucket is that number and the shift.
struct LatencyHistogram {
    private(set) var count = 0
    private(set) var largest: UInt64 = 0
    private var buckets: [Int]

    private static let bits = 8
    private static let perDoubling = 1 << (bits - 1)

    init() {
        buckets = [Int](repeating: 0, count: Self.bucket(of: .max) + 1)
    }

    mutating func add(from start: Instant, to end: Instant) {
        add(end.nanoseconds - start.nanoseconds)
    }

    mutating func add(_ nanoseconds: UInt64) {
        buckets[Self.bucket(of: nanoseconds)] += 1
        count += 1
        largest = max(largest, nanoseconds)
    }

    /// The time that a share of all times does not exceed; 0 when there are none.
    func quantile(_ share: Double) -> UInt64 {
        let rank = Int((Double(count) * share).rounded(.up))
        var seen = 0
        for (bucket, size) in buckets.enumerated() where size > 0 {
            seen += size
            if seen >= rank { return min(Self.longest(in: bucket), largest) }
        }
        return largest
    }

    static func bucket(of nanoseconds: UInt64) -> Int {
        let shift = max(0, UInt64.bitWidth - nanoseconds.leadingZeroBitCount - bits)
        return shift * perDoubling + Int(nanoseconds >> UInt64(shift))
    }

    static func longest(in bucket: Int) -> UInt64 {
        guard bucket >= 2 * perDoubling else { return UInt64(bucket) }
        let shift = UInt64(bucket / perDoubling - 1)
        let kept = UInt64(bucket % perDoubling + perDoubling)
        return (kept << shift) | ((1 << shift) - 1)
    }
}

extension LatencyHistogram {
    private var milestones: [(name: String, nanoseconds: UInt64)] {
        [("p50", quantile(0.5)), ("p99", quantile(0.99)), ("p99.9", quantile(0.999)),
            ("max", largest)]
    }

    /// A line for each quantile.
    var lines: String {
        milestones.map { "\($0) \(milliseconds($1)) ms" }.joined(separator: "\n")
    }

    /// All quantiles in one line.
    var summary: String {
        let names = milestones.map(\.name).joined(separator: "/")
        return "\(names) \(milestones.map { milliseconds($1) }.joined(separator: "/")) ms"
    }

    private func milliseconds(_ nanoseconds: UInt64) -> String {
        decimal(Double(nanoseconds) / 1e6, digits: 3)
    }
}
