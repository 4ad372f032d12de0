import HTTP1
import Synchronization
import SystemIO

/// An HTTP/1.1 server: a listener, some event loops, and a handler that knows what is served.
///
/// `start` it once and `drain` it before letting go of it.
package final class HTTPServer: Sendable {
    private enum Stage {
        case ready
        case running([ConnectionSet])
        case drained([ConnectionSet])
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
    /// - Returns: the address as bound.
    /// - Throws: what the system said about the address or about descriptors; `EALREADY` when the
    ///   server has been started before.
    package func start() throws(Errno) -> SocketAddress {
        let outcome: Result<SocketAddress, Errno> = stage.withLock { stage in
            guard case .ready = stage else { return .failure(.alreadyInProgress) }
            do throws(Errno) {
                let (sets, address) = try openLoops()
                stage = .running(sets)
                return .success(address)
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    private func openLoops() throws(Errno) -> ([ConnectionSet], SocketAddress) {
        let address = try SocketAddress.parse(
            host: configuration.host, port: configuration.port)
        let listener = try ListeningSocket(
            bindingTo: address, backlog: configuration.backlog)
        let bound = listener.localAddress
        let gate = AdmissionGate(limit: max(1, configuration.maxConnections))
        var sets: [ConnectionSet] = []
        for index in 0..<max(1, configuration.loopCount) {
            let loop = try EventLoop(name: "http-loop-\(index)")
            sets.append(
                ConnectionSet(
                    loop: loop, configuration: configuration, handler: handler, gate: gate,
                    log: log))
        }
        try sets[0].listen(
            with: Acceptor(listener: listener, home: sets[0], sets: sets, gate: gate))
        for set in sets { set.loop.start { set } }
        return (sets, bound)
    }

    /// Takes no new request, answers those that have begun, and calls `completion` when the last
    /// connection is gone: at the latest after `drainDeadline`, when the rest is cut.
    ///
    /// A server that is not running completes at once.
    package func drain(completion: @escaping @Sendable (DrainOutcome) -> Void) {
        let running: [ConnectionSet]? = stage.withLock { stage in
            guard case .running(let sets) = stage else { return nil }
            stage = .drained(sets)
            return sets
        }
        guard let running else {
            completion(DrainOutcome(cutConnections: 0))
            return
        }
        let ticket = DrainTicket(loopCount: running.count) { outcome in
            for set in running { set.loop.stop() }
            completion(outcome)
        }
        let home = running[0]
        home.loop.execute {
            // Sockets are handed to the other loops before the order to drain, so they are there.
            home.stopListening()
            for set in running.dropFirst() { set.loop.execute { set.beginDrain(ticket) } }
            home.beginDrain(ticket)
        }
    }

    package var counters: ServerCounters {
        let sets: [ConnectionSet] = stage.withLock { stage in
            switch stage {
            case .ready: []
            case .running(let sets), .drained(let sets): sets
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
