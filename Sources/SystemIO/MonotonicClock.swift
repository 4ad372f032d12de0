import Glibc

/// A point on the clock that only goes forward. It means nothing outside this process.
package struct Instant: Comparable, Hashable, Sendable {
    package let nanoseconds: UInt64

    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    package static let distantFuture = Instant(nanoseconds: .max)
    package static let distantPast = Instant(nanoseconds: 0)

    package static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Later by `duration`; sums that would leave the range stay at its ends.
    package static func + (instant: Instant, duration: Duration) -> Instant {
        let amount = duration.wholeNanoseconds
        if amount >= 0 { return instant.advanced(byNanoseconds: UInt64(amount)) }
        let (value, overflow) = instant.nanoseconds.subtractingReportingOverflow(amount.magnitude)
        return Instant(nanoseconds: overflow ? 0 : value)
    }

    package static func - (left: Instant, right: Instant) -> Duration {
        left >= right
            ? .nanoseconds(left.nanoseconds - right.nanoseconds)
            : .zero - .nanoseconds(right.nanoseconds - left.nanoseconds)
    }

    package func advanced(byNanoseconds amount: UInt64) -> Instant {
        let (value, overflow) = nanoseconds.addingReportingOverflow(amount)
        return Instant(nanoseconds: overflow ? .max : value)
    }
}

package enum MonotonicClock {
    package static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(
            nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }
}

extension Duration {
    /// Rounded toward zero; durations beyond 292 years stay at the ends of the range.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carried) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }
}
