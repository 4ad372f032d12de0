import Glibc

/// Whether the thread that measures runs before everything else on its processor.
///
/// A client on the service's own machine waits for a processor like everybody else there, and
/// those waits are no part of the service's latency.
enum Precedence: CustomStringConvertible {
    case taken
    /// The system does not let this process have it (`CAP_SYS_NICE`, `RLIMIT_RTPRIO`).
    case refused

    /// For the calling thread; threads that it starts later are ordinary ones.
    static func take() -> Precedence {
        var lowest = sched_param(sched_priority: 1)
        let resetOnFork: Int32 = 0x4000_0000  // SCHED_RESET_ON_FORK, see sched(7)
        return sched_setscheduler(0, SCHED_FIFO | resetOnFork, &lowest) == 0 ? .taken : .refused
    }

    var description: String {
        switch self {
        case .taken: "does not wait for a processor"
        case .refused: "waits for a processor like the others (it may not have precedence)"
        }
    }
}
