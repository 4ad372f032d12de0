import Glibc

/// A point in civil time, UTC, as seconds since 1970 and a fraction of 0 ..< 10⁹ nanoseconds.
package struct WallTime: Comparable, Hashable, Sendable {
    package let seconds: Int64
    package let nanoseconds: Int32

    package init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package static func < (left: WallTime, right: WallTime) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}

/// The clock on the wall, which may jump; deadlines belong on `MonotonicClock`.
package enum WallClock {
    package static func now() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    }

    /// IMF-fixdate (RFC 9110 §5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".
    package static func httpDate(_ time: WallTime) -> String {
        let civil = CivilTime(time.seconds)
        let day = weekdays[civil.weekday]
        let month = months[civil.month - 1]
        return "\(day), \(padded(civil.day, 2)) \(month) \(padded(civil.year, 4)) "
            + "\(clockFace(civil)) GMT"
    }

    /// RFC 3339 with milliseconds, rounded down: "1994-11-06T08:49:37.000Z".
    package static func rfc3339(_ time: WallTime) -> String {
        let civil = CivilTime(time.seconds)
        let date = "\(padded(civil.year, 4))-\(padded(civil.month, 2))-\(padded(civil.day, 2))"
        return "\(date)T\(clockFace(civil)).\(padded(Int(time.nanoseconds) / 1_000_000, 3))Z"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func clockFace(_ civil: CivilTime) -> String {
        "\(padded(civil.hour, 2)):\(padded(civil.minute, 2)):\(padded(civil.second, 2))"
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

/// The proleptic Gregorian calendar, without the C library's locale and locks.
private struct CivilTime {
    let year: Int
    let month: Int
    let day: Int
    let hour: Int
    let minute: Int
    let second: Int
    /// 0 is Sunday.
    let weekday: Int

    init(_ seconds: Int64) {
        let secondsInDay: Int64 = 86_400
        var dayNumber = seconds / secondsInDay
        var rest = seconds % secondsInDay
        if rest < 0 {
            rest += secondsInDay
            dayNumber -= 1
        }
        hour = Int(rest / 3600)
        minute = Int(rest / 60 % 60)
        second = Int(rest % 60)
        weekday = Int(((dayNumber + 4) % 7 + 7) % 7)  // 1 January 1970 was a Thursday.

        // Count from 1 March of year 0, so that the leap day is the last day of its year and of
        // its 400-year era of 146 097 days.
        let shifted = dayNumber + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5) + 1
        month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
    }
}
