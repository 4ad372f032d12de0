import Foundation
import Testing

@testable import SystemIO

@Suite struct ClockTests {
    @Test func httpDatesAreImfFixdates() {
        let example = WallTime(seconds: 784_111_777)  // RFC 9110 §5.6.7
        #expect(WallClock.httpDate(example) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(WallClock.httpDate(WallTime(seconds: 0)) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(
            WallClock.rfc3339(WallTime(seconds: 784_111_777, nanoseconds: 1_999_999))
                == "1994-11-06T08:49:37.001Z")
    }

    /// Against Foundation's calendar, over leap years and centuries.
    @Test func civilTimeAgreesWithFoundation() {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        for seconds in stride(from: Int64(-2_000_000_000), to: 8_000_000_000, by: 12_345_671) {
            let date = Date(timeIntervalSince1970: Double(seconds))
            #expect(WallClock.httpDate(WallTime(seconds: seconds)) == formatter.string(from: date))
        }
    }

    @Test func theMonotonicClockGoesForward() {
        let first = MonotonicClock.now()
        let second = MonotonicClock.now()
        #expect(second >= first)
        #expect(first > Instant(nanoseconds: 0))
    }

    @Test func instantsSaturate() {
        let instant = Instant(nanoseconds: 5_000_000_000)
        #expect(instant + .seconds(2) == Instant(nanoseconds: 7_000_000_000))
        #expect(instant + .seconds(-2) == Instant(nanoseconds: 3_000_000_000))
        #expect(instant + .seconds(-9) == Instant(nanoseconds: 0))
        #expect(instant + .seconds(Int64.max) > instant)
        #expect(Instant.distantFuture + .seconds(1) == .distantFuture)
        #expect(instant - Instant(nanoseconds: 1) == .nanoseconds(4_999_999_999))
        #expect(Instant(nanoseconds: 1) - instant == .nanoseconds(-4_999_999_999))
    }
}
