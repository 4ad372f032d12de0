import Dispatch
import SystemIO

extension Instant {
    /// The same point for Dispatch, whose clock may stand still while the machine sleeps.
    var dispatchTime: DispatchTime {
        guard self != .distantFuture else { return .distantFuture }
        let left = (self - MonotonicClock.now()).wholeNanoseconds
        return .now() + .nanoseconds(Int(max(0, left)))
    }
}
