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
    /// Nothing is due from here on.
    let end: Instant
    /// Nothing is asked from here on, though it was due before the end.
    private let last: Instant
    /// Most requests.
    private let limit: Int

    init(_ pace: Pace, seconds: Double) {
        let length = UInt64(seconds * 1e9)
        self.pace = pace
        start = MonotonicClock.now()
        end = start.advanced(byNanoseconds: length)
        // Who cannot keep up gets as much time again for what has piled up.
        last = end.advanced(byNanoseconds: length)
        limit = .max
    }

    /// For so many requests, however long they take.
    init(limit: Int) {
        pace = .closed
        start = MonotonicClock.now()
        end = .distantFuture
        last = .distantFuture
        self.limit = limit
    }

    /// When request `number`, counted from 0, is due; nil when it is none any more at `now`.
    func due(_ number: Int, at now: Instant) -> Instant? {
        switch pace {
        case .closed:
            return number < limit && now < end ? now : nil
        case .open(let rate):
            let due = start.advanced(byNanoseconds: UInt64(Double(number) / rate * 1e9))
            return due < end && now < last ? due : nil
        }
    }

    /// How many requests were due before the end and are not among the first `asked`; 0 where only
    /// answers decide how many are due.
    func unasked(after asked: Int) -> Int {
        guard case .open = pace else { return 0 }
        var number = asked
        while due(number, at: start) != nil { number += 1 }
        return number - asked
    }
}
