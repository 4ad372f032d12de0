import SystemIO

/// When requests are due.
struct Schedule {
    enum Pace {
        /// As soon as a connection has room for one.
        case closed
        /// At even distances, whatever has been answered by then. Latency that is counted from
        /// these times holds what requests wait for one another, also before they are sent.
        case open(perSecond: Double)
    }

    let pace: Pace
    let start: Instant
    /// Nothing is asked from here on.
    let end: Instant
    /// Most requests.
    let limit: Int

    init(_ pace: Pace, seconds: Double, limit: Int = .max) {
        self.pace = pace
        start = MonotonicClock.now()
        end = start.advanced(byNanoseconds: UInt64(seconds * 1e9))
        self.limit = limit
    }

    /// For so many requests, however long they take.
    init(limit: Int) {
        pace = .closed
        start = MonotonicClock.now()
        end = .distantFuture
        self.limit = limit
    }

    /// When request `number`, counted from 0, is due; nil when it is none any more at `now`.
    func due(_ number: Int, at now: Instant) -> Instant? {
        guard number < limit, now < end else { return nil }
        switch pace {
        case .closed: return now
        case .open(let rate):
            let due = start.advanced(byNanoseconds: UInt64(Double(number) / rate * 1e9))
            return due < end ? due : nil
        }
    }

    /// How many requests fall due before the end; nil where answers decide that.
    var dueInAll: Int? {
        guard case .open(let rate) = pace else { return nil }
        let seconds = Double(end.nanoseconds - start.nanoseconds) / 1e9
        return min(limit, Int((seconds * rate).rounded(.up)))
    }
}
