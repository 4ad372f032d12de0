import CLinux
import Glibc

/// A descriptor that becomes readable at a point of the monotonic clock, so that an epoll set
/// can wait for time as it waits for bytes.
package struct TimerDescriptor: ~Copyable {
    package let descriptor: Descriptor

    package init() throws(Errno) {
        let flags = Int32(TFD_NONBLOCK | TFD_CLOEXEC)
        let number = try check(.timerCreate) { timerfd_create(CLOCK_MONOTONIC, flags) }
        descriptor = Descriptor(owning: number)
    }

    /// Fires once at `instant`, or at once when that has passed; replaces what was armed before.
    package func arm(at instant: Instant) throws(Errno) {
        // All zero would disarm, so the first nanosecond of the clock is moved to the second.
        let nanoseconds = max(1, min(instant.nanoseconds, UInt64(Int64.max)))
        var time = itimerspec()
        time.it_value.tv_sec = Int(nanoseconds / 1_000_000_000)
        time.it_value.tv_nsec = Int(nanoseconds % 1_000_000_000)
        let number = descriptor.number
        try check(.timerSet, on: number) {
            timerfd_settime(number, Int32(TFD_TIMER_ABSTIME), &time, nil)
        }
    }
}
