import HTTP1
import Synchronization
import SystemIO

/// An HTTP/1.1 server: listeners, some event loops, and a handler that knows what is served.
///
/// `start` it once and `drain` it before letting go of it.
package final class HTTPServer: Sendable {
    private enum Stage {
        case ready
        case running(Floor)
        case drained(Floor)
    }

    /// Loops and what lives on them, in the same order.
    private struct Floor {
        var loops: [EventLoop] = []
        var sets: [ConnectionSet] = []
    }

    private let configuration: ServerConfiguration
    private let handler: any RequestHandler
    private let log: @Sendable (ServerEvent) -> Void
    private let stage = Mutex(Stage.ready)

    package init(
        configuration: ServerConfiguration, handler: any RequestHandler,
        log: @escaping @Sendable (ServerEvent) -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.handler = handler
        self.log = log
    }

    /// Listens and serves.
    ///
    /// - Returns: the addresses as bound, in the endpoints' order.
    /// - Throws: `ListenFault`, or what the system said about descriptors; `EALREADY` when the
    ///   server has been started before.
    package func start() throws -> [SocketAddress] {
        let outcome: Result<[SocketAddress], any Error> = stage.withLock { stage in
            guard case .ready = stage else { return .failure(Errno.alreadyInProgress) }
            do {
                let (floor, addresses) = try openLoops()
                stage = .running(floor)
                return .success(addresses)
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    private func openLoops() throws -> (Floor, [SocketAddress]) {
        let gate = AdmissionGate(limit: max(1, configuration.maxConnections))
        var floor = Floor()
        for index in 0..<max(1, configuration.loopCount) {
            let loop = try EventLoop(name: "http-loop-\(index)")
            floor.loops.append(loop)
            floor.sets.append(
                ConnectionSet(
                    loop: loop, configuration: configuration, handler: handler, gate: gate,
                    log: log))
        }
        var addresses: [SocketAddress] = []
        for (number, endpoint) in configuration.endpoints.enumerated() {
            do throws(Errno) {
                let listener = try endpoint.open(backlog: configuration.backlog)
                addresses.append(listener.localAddress)
                try floor.sets[0].listen(
                    with: Acceptor(
                        listener: listener, identity: endpoint.identity,
                        token: ConnectionSet.listenerToken(number), home: floor.sets[0],
                        sets: floor.sets, gate: gate))
            } catch {
                throw ListenFault(place: endpoint.place, reason: error)
            }
        }
        for (loop, set) in zip(floor.loops, floor.sets) { loop.start { set } }
        return (floor, addresses)
    }

    /// Takes no new request, answers those that have begun, and calls `completion` when the last
    /// connection is gone: at the latest after `drainDeadline`, when the rest is cut.
    ///
    /// A server that is not running completes at once.
    package func drain(completion: @escaping @Sendable (DrainOutcome) -> Void) {
        let running: Floor? = stage.withLock { stage in
            guard case .running(let floor) = stage else { return nil }
            stage = .drained(floor)
            return floor
        }
        guard let running else {
            completion(DrainOutcome(cutConnections: 0))
            return
        }
        let ticket = DrainTicket(loopCount: running.sets.count) { outcome in
            for loop in running.loops { loop.stop() }
            completion(outcome)
        }
        let home = running.sets[0]
        home.loop.execute {
            // Sockets are handed to the other loops before the order to drain, so they are there.
            home.stopListening()
            for set in running.sets.dropFirst() { set.loop.execute { set.beginDrain(ticket) } }
            home.beginDrain(ticket)
        }
    }

    package var counters: ServerCounters {
        let sets: [ConnectionSet] = stage.withLock { stage in
            switch stage {
            case .ready: []
            case .running(let floor), .drained(let floor): floor.sets
            }
        }
        var sum = ServerCounters()
        for set in sets { set.tally.add(to: &sum) }
        return sum
    }
}

/// How a drain ended.
package struct DrainOutcome: Sendable, Equatable {
    /// Connections that were still being served when the deadline cut them.
    package let cutConnections: Int

    package var isComplete: Bool { cutConnections == 0 }
}

/// Counts the loops that are still draining.
final class DrainTicket: Sendable {
    private struct State {
        var loopsLeft: Int
        var cutConnections = 0
    }

    private let state: Mutex<State>
    private let completion: @Sendable (DrainOutcome) -> Void

    init(loopCount: Int, completion: @escaping @Sendable (DrainOutcome) -> Void) {
        state = Mutex(State(loopsLeft: loopCount))
        self.completion = completion
    }

    func finished(cutConnections: Int) {
        let outcome: DrainOutcome? = state.withLock { state in
            state.loopsLeft -= 1
            state.cutConnections += cutConnections
            guard state.loopsLeft == 0 else { return nil }
            return DrainOutcome(cutConnections: state.cutConnections)
        }
        if let outcome { completion(outcome) }
    }
}
