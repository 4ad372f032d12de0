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

    /// Stays until the process is gone: an impatient signal must not change how it ends.
    private static let watcher = Mutex<SignalWatcher?>(nil)

    private let reloading = DispatchQueue(label: "reload")
    private let server: HTTPServer
    private let service: OptimizerService
    private let store: SessionStore
    private let stop: StopOrder
    private let drainDelaySeconds: Int
    private let snapshotPatience: Duration
    private let log: EventLog
    private let identity: TLSIdentity?
    private let published: PublishedLimits
    /// nil: everybody may do everything.
    private let tokens: TokenSource?

    init(settings: Optimizerd, log: EventLog) throws {
        self.log = log
        let endpoints = try Endpoints(settings.listening)
        identity = endpoints.identity
        let descriptors = DescriptorShares(limit: Machine.raiseDescriptorLimit())
        var configuration = settings.serverConfiguration
        configuration.endpoints = endpoints.all
        if configuration.maxConnections > descriptors.connections {
            log.fewDescriptors(connections: descriptors.connections)
            configuration.maxConnections = descriptors.connections
        }
        tokens = try settings.access.tokens.map(TokenSource.init)
        let knowsClients = tokens != nil || settings.listening.tlsClientCa != nil
        try Exposure.check(
            endpoints, knowsClients: knowsClients, isMeant: settings.listening.insecure, log)

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
        drainDelaySeconds = settings.times.drainDelaySeconds
        snapshotPatience = configuration.drainDeadline
        let archive = try Program.archive(
            settings.directory, openFileLimit: descriptors.logFiles
        ) { event in
            log.record(event)
            if case .failed = event { stop.give(.diskFailed) }
        }
        store = SessionStore(limits: sessions, lanes: lanes, bodies: bodies, archive: archive)
        let counters = CountersLink()
        service = OptimizerService(
            store: store,
            bodies: bodies, writers: try Program.lanes(count: Machine.cores),
            limits: settings.serviceLimits, formats: settings.formatLimits,
            published: published, access: tokens?.gate, counters: { counters.read() })
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

    /// Serves until SIGTERM or SIGINT, or until the disk fails, then drains.
    func serveUntilSignalled() throws -> Ending {
        let watcher = try SignalWatcher([.terminate, .interrupt, .hangup]) { [self] signal in
            // Files may be slow to read, and the next signal must not wait for them.
            guard signal != .hangup else { return reloading.async { reload() } }
            log.draining(signal: "\(signal)")
            stop.give(.clean)
        }
        Program.watcher.withLock { $0 = watcher }
        let recovery: SessionStore.Recovery
        do {
            recovery = try store.prepareRecovery()
        } catch {
            throw SettingError(error.description)
        }
        let addresses: [SocketAddress]
        do {
            addresses = try server.start()
        } catch let fault as ListenFault {
            throw SettingError("Cannot listen on \(fault.place): \(fault.reason).")
        }
        announce(addresses)
        if recovery.isEmpty {
            recover(recovery)
        } else {
            // The service answers meanwhile that it is recovering.
            DispatchQueue.global().async { [self] in recover(recovery) }
        }
        let first = stop.wait()
        service.leave()
        // Load balancers look now and then, and send requests here until they have looked.
        if first == .clean { stop.waitForImpatience(atMost: drainDelaySeconds) }
        let cutConnections = drain()
        if stop.reason == .clean {
            store.snapshotAll(until: MonotonicClock.now() + snapshotPatience)
        }
        log.stopped(cutConnections: cutConnections)
        return stop.reason == .clean && cutConnections > 0 ? .cut : stop.reason
    }

    /// What SIGHUP asks for: reads again what may change while the program runs. What cannot be
    /// used is passed over, and what was read before goes on to count.
    private func reload() {
        guard tokens != nil || identity != nil else { return log.nothingToReload() }
        do {
            if let identity {
                try identity.reload()
                log.identityRead()
            }
        } catch {
            log.reloadFailed("\(error)")
        }
        do {
            if let tokens { log.tokensRead(tokens.path, count: try tokens.reload()) }
        } catch {
            log.reloadFailed("\(error)")
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

    private func announce(_ addresses: [SocketAddress]) {
        log.started(
            address: addresses.map { "\($0)" }.joined(separator: ","),
            settings: published.entries)
        if let tokens { log.tokensRead(tokens.path, count: tokens.tokenCount) }
        let announcement = Announcement(
            addresses: addresses, hasTLS: identity != nil, hasTokens: tokens != nil)
        // A closed stdout loses nothing: the addresses stand in the log too.
        _ = StandardStream.output.write(Array(announcement.text.utf8))
    }
}
