import SystemIO

@testable import HTTPServer

/// A loop that is turned by hand and whose clock stands until it is moved.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class SimulatedLoop: Loop, @unchecked Sendable {
    var now = Instant(nanoseconds: 1_000_000_000)
    var exactNow: Instant { now }
    let isCurrent = true
    private var closures: [@Sendable () -> Void] = []

    func execute(_ work: @escaping @Sendable () -> Void) { closures.append(work) }

    func runInbox() {
        while !closures.isEmpty {
            let work = closures
            closures = []
            for closure in work { closure() }
        }
    }

    // A simulation has no descriptors.
    func watch(_ descriptor: borrowing Descriptor, token: UInt64) throws(Errno) {}
    func watchListener(_ descriptor: borrowing Descriptor, token: UInt64) throws(Errno) {}
    func unwatch(_ descriptor: borrowing Descriptor) throws(Errno) {}
}
