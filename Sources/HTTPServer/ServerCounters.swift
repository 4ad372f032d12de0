import Synchronization

/// What a server has done since it started; a snapshot.
package struct ServerCounters: Sendable, Equatable {
    package var connectionsOpen = 0
    package var connectionsAccepted: UInt64 = 0
    package var requests: UInt64 = 0
    /// Responses by the first digit of their status; index 0 is 1xx, index 4 is 5xx.
    package var responsesByClass: [UInt64] = [0, 0, 0, 0, 0]
    /// Bytes read from and written to connections.
    package var bytesIn: UInt64 = 0
    package var bytesOut: UInt64 = 0
    /// How often the server itself answered, by the error's code.
    package var refusals: [String: UInt64] = [:]
    package var handshakes: UInt64 = 0
    /// Of these, the ones whose connections the kernel encrypts.
    package var kernelHandshakes: UInt64 = 0
    package var failedHandshakes: UInt64 = 0

    package init() {}
}

/// One loop's share of the counters, written by that loop and read by anyone.
final class LoopTally: Sendable {
    private let open = Atomic<Int>(0)
    private let accepted = Atomic<UInt64>(0)
    private let requests = Atomic<UInt64>(0)
    private let informational = Atomic<UInt64>(0)
    private let successful = Atomic<UInt64>(0)
    private let redirecting = Atomic<UInt64>(0)
    private let clientErrors = Atomic<UInt64>(0)
    private let serverErrors = Atomic<UInt64>(0)
    private let handshakes = Atomic<UInt64>(0)
    private let kernelHandshakes = Atomic<UInt64>(0)
    private let failedHandshakes = Atomic<UInt64>(0)
    private let bytesIn = Atomic<UInt64>(0)
    private let bytesOut = Atomic<UInt64>(0)
    private let refusals = Mutex<[String: UInt64]>([:])

    func connectionOpened() {
        increment(accepted)
        open.store(open.load(ordering: .relaxed) + 1, ordering: .relaxed)
    }

    func connectionClosed() {
        open.store(open.load(ordering: .relaxed) - 1, ordering: .relaxed)
    }

    func requestBegan() { increment(requests) }

    func responded(_ code: Int) {
        switch code / 100 {
        case 1: increment(informational)
        case 2: increment(successful)
        case 3: increment(redirecting)
        case 4: increment(clientErrors)
        default: increment(serverErrors)
        }
    }

    func handshakeCompleted(inKernel: Bool) {
        increment(handshakes)
        if inKernel { increment(kernelHandshakes) }
    }

    func handshakeFailed() { increment(failedHandshakes) }
    func received(_ count: Int) { increment(bytesIn, by: UInt64(count)) }
    func sent(_ count: Int) { increment(bytesOut, by: UInt64(count)) }
    func refused(_ reason: String) { refusals.withLock { $0[reason, default: 0] += 1 } }

    /// There is one writer, so a load and a store do, without a locked instruction.
    private func increment(_ counter: borrowing Atomic<UInt64>, by amount: UInt64 = 1) {
        counter.store(counter.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    func add(to sum: inout ServerCounters) {
        sum.connectionsOpen += open.load(ordering: .relaxed)
        sum.connectionsAccepted += accepted.load(ordering: .relaxed)
        sum.requests += requests.load(ordering: .relaxed)
        sum.responsesByClass[0] += informational.load(ordering: .relaxed)
        sum.responsesByClass[1] += successful.load(ordering: .relaxed)
        sum.responsesByClass[2] += redirecting.load(ordering: .relaxed)
        sum.responsesByClass[3] += clientErrors.load(ordering: .relaxed)
        sum.responsesByClass[4] += serverErrors.load(ordering: .relaxed)
        sum.handshakes += handshakes.load(ordering: .relaxed)
        sum.kernelHandshakes += kernelHandshakes.load(ordering: .relaxed)
        sum.failedHandshakes += failedHandshakes.load(ordering: .relaxed)
        sum.bytesIn += bytesIn.load(ordering: .relaxed)
        sum.bytesOut += bytesOut.load(ordering: .relaxed)
        sum.refusals.merge(refusals.withLock { $0 }, uniquingKeysWith: +)
    }
}
