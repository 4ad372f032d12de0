import Dispatch
import HTTPServer
import OptimizerService
import OptimizerSessions
import Synchronization
import SystemIO

/// The rooms put together: memory, lanes, sessions, service and server.
struct Program {
    /// How the program ends; the raw values are its exit statuses.
    enum Ending: Int32 {
        case clean = 0
        /// Connections had to be cut.
        case cut = 1
        /// The disk failed.
        case diskFailed = 3
    }

    private let server: HTTPServer
    private let store: SessionStore
    private let stop: StopOrder
    private let snapshotPatience: Duration
    private let log: EventLog
    private let host: String
    private let published: PublishedLimits

    init(settings: Optimizerd, log: EventLog) throws {
        self.log = log
        host = settings.listening.host
        let descriptors = DescriptorShares(limit: Machine.raiseDescriptorLimit())
        var configuration = settings.serverConfiguration
        if configuration.maxConnections > descriptors.connections {
            log.fewDescriptors(connections: descriptors.connections)
            configuration.maxConnections = descriptors.connections
        }
        try Program.checkExposure(settings.listening, log)

        let memory = Int(clamping: Machine.memoryBytes)
        let inFlight = settings.inFlightBodyBytes(memoryBytes: memory)
        let bodies = SlabPool(limitBytes: inFlight, idleBytes: inFlight / 8)
        let lanes = try Program.lanes(count: settings.threads.lanes ?? Machine.cores)
        let sessions = settings.sessionLimits(memoryBytes: memory)
        published = PublishedLimits(
            service: settings.serviceLimits, formats: settings.formatLimits,
            sessions: sessions, server: configuration, inFlightBodyBytes: inFlight,
            openLogFiles: descriptors.logFiles)

        let stop = StopOrder()
        self.stop = stop
        snapshotPatience = configuration.drainDeadline
        let archive = try Program.archive(
            settings.directory, openFileLimit: descriptors.logFiles
        ) { event in
            log.record(event)
            if case .failed = event { stop.give(.diskFailed) }
        }
        store = SessionStore(limits: sessions, lanes: lanes, bodies: bodies, archive: archive)
        let counters = CountersLink()
        let service = OptimizerService(
            store: store,
            bodies: bodies, writers: try Program.lanes(count: max(1, Machine.cores / 2)),
            limits: settings.serviceLimits, formats: settings.formatLimits,
            published: published, counters: { counters.read() })
        server = HTTPServer(
            configuration: configuration, handler: service, log: { log.record($0) })
        counters.connect(server)
    }

    private static func archive(
        _ settings: DirectorySettings, openFileLimit: Int,
        onEvent: @escaping @Sendable (ArchiveEvent) -> Void
    ) throws -> Archive {
        do {
            return try Archive(
                try DataDirectory(settings.path), openFileLimit: openFileLimit, onEvent: onEvent)
        } catch let fault as DataDirectoryFault {
            throw SettingError(fault.description)
        }
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

    /// Serves until SIGTERM or SIGINT, or until the disk fails, then drains.
    func serveUntilSignalled() throws -> Ending {
        let watcher = try SignalWatcher([.terminate, .interrupt]) { [log, stop] signal in
            log.draining(signal: "\(signal)")
            stop.give(.clean)
        }
        let recovery: SessionStore.Recovery
        do {
            recovery = try store.prepareRecovery()
        } catch {
            throw SettingError(error.description)
        }
        let address: SocketAddress
        do {
            address = try server.start()
        } catch {
            throw SettingError("Cannot listen on \(host): \(error).")
        }
        announce("\(address)")
        if recovery.isEmpty {
            recover(recovery)
        } else {
            // The service answers meanwhile that it is recovering.
            DispatchQueue.global().async { [self] in recover(recovery) }
        }
        return withExtendedLifetime(watcher) {
            let ending = stop.wait()
            let cutConnections = drain()
            if ending == .clean {
                store.snapshotAll(until: MonotonicClock.now() + snapshotPatience)
            }
            log.stopped(cutConnections: cutConnections)
            return ending == .clean && cutConnections > 0 ? .cut : ending
        }
    }

    private func recover(_ recovery: SessionStore.Recovery) {
        let start = MonotonicClock.now()
        let lastReport = Mutex(start)
        store.recover(recovery) { [log] done, total in
            let isDue = lastReport.withLock { last in
                guard MonotonicClock.now() - last >= .seconds(1) else { return false }
                last = MonotonicClock.now()
                return true
            }
            if isDue { log.recovering(done: done, of: total) }
        }
        log.ready(sessions: store.sessionCount, after: MonotonicClock.now() - start)
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
