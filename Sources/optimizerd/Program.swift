import Dispatch
import HTTPServer
import OptimizerService
import OptimizerSessions
import Synchronization
import SystemIO

/// The rooms put together: memory, lanes, sessions, service and server.
struct Program {
    private let server: HTTPServer
    private let log: EventLog
    private let host: String
    private let published: PublishedLimits

    init(settings: Optimizerd, log: EventLog) throws {
        self.log = log
        host = settings.listening.host
        let configuration = settings.serverConfiguration
        try Program.checkExposure(settings.listening, log)

        let memory = Int(clamping: Machine.memoryBytes)
        let inFlight = settings.inFlightBodyBytes(memoryBytes: memory)
        let bodies = SlabPool(limitBytes: inFlight, idleBytes: inFlight / 8)
        let lanes = try Program.lanes(count: settings.threads.lanes ?? Machine.cores)
        let sessions = settings.sessionLimits(memoryBytes: memory)
        published = PublishedLimits(
            service: settings.serviceLimits, formats: settings.formatLimits,
            sessions: sessions, server: configuration, inFlightBodyBytes: inFlight)

        let counters = CountersLink()
        let service = OptimizerService(
            store: SessionStore(limits: sessions, lanes: lanes, bodies: bodies),
            bodies: bodies, writers: try Program.lanes(count: max(1, Machine.cores / 2)),
            limits: settings.serviceLimits, formats: settings.formatLimits,
            published: published, counters: { counters.read() })
        server = HTTPServer(
            configuration: configuration, handler: service, log: { log.record($0) })
        counters.connect(server)
    }

    private static func lanes(count: Int) throws(SettingError) -> LanePool {
        do {
            return try LanePool(laneCount: count)
        } catch {
            throw SettingError("Cannot start \(count) compute lanes: \(error).")
        }
    }

    /// Without TLS and tokens the service is for this machine, unless its operator insists.
    private static func checkExposure(
        _ listening: ListeningSettings, _ log: EventLog
    ) throws {
        let address: SocketAddress
        do {
            address = try SocketAddress.parse(host: listening.host, port: listening.port)
        } catch {
            throw SettingError("--host \(listening.host) is no address: \(error).")
        }
        guard !address.isLoopback else { return }
        guard listening.insecure else {
            throw SettingError(
                "\(listening.host) is reachable from other machines, and there is no TLS and no "
                    + "token: give --insecure if that is meant.")
        }
        log.exposed(host: listening.host)
    }

    /// Serves until SIGTERM or SIGINT, then drains.
    ///
    /// - Returns: whether every running request was finished.
    func serveUntilSignalled() throws -> Bool {
        Machine.raiseDescriptorLimit()
        let signalled = DispatchSemaphore(value: 0)
        let watcher = try SignalWatcher([.terminate, .interrupt]) { signal in
            log.draining(signal: "\(signal)")
            signalled.signal()
        }
        let address: SocketAddress
        do {
            address = try server.start()
        } catch {
            throw SettingError("Cannot listen on \(host): \(error).")
        }
        announce("\(address)")
        return withExtendedLifetime(watcher) {
            signalled.wait()
            let cutConnections = drain()
            log.stopped(cutConnections: cutConnections)
            return cutConnections == 0
        }
    }

    /// - Returns: how many connections had to be cut.
    private func drain() -> Int {
        let cutConnections = Mutex(0)
        let drained = DispatchSemaphore(value: 0)
        server.drain { outcome in
            cutConnections.withLock { $0 = outcome.cutConnections }
            drained.signal()
        }
        drained.wait()
        return cutConnections.withLock { $0 }
    }

    /// The address and a first command that works, on stdout.
    private func announce(_ address: String) {
        log.started(address: address, settings: published.entries)
        let text = """
            optimizerd \(OptimizerService.version) listens on http://\(address)
            Try: curl -sS -X PUT http://\(address)/v1/sessions/demo \
            -H 'Content-Type: application/json' -d '{"parameters": {"w": [0.5, -0.5]}}'

            """
        // A closed stdout loses nothing: the address stands in the log too.
        _ = StandardStream.output.write(Array(text.utf8))
    }
}
