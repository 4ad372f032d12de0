import SystemIO

/// What the connections of a loop ask of it. The server's is `EventLoop`; a test may turn one by
/// hand, with a clock of its own.
protocol Loop: AnyObject, Sendable {
    /// As it was when the events that are being handled were reported.
    var now: Instant { get }
    /// As it is.
    var exactNow: Instant { get }
    /// Whether the caller may touch what lives on the loop.
    var isCurrent: Bool { get }
    /// Runs `work` on the loop, in the order of the calls from one thread, and never before
    /// returning to the loop's round.
    func execute(_ work: @escaping @Sendable () -> Void)
    /// Reports a connection's readiness under `token` until its descriptor is closed.
    func watch(_ descriptor: borrowing Descriptor, token: UInt64) throws(Errno)
    func watchListener(_ descriptor: borrowing Descriptor, token: UInt64) throws(Errno)
    func unwatch(_ descriptor: borrowing Descriptor) throws(Errno)
}
