import HTTP1
import SystemIO

/// The connections of one loop and what they share: deadlines, the list of those with work to do,
/// read blocks, scratch memory.
///
/// Confined to its loop, except for `deliver`, `adopt` and the two constants that say where it is;
/// that is what the `@unchecked` stands for.
final class ConnectionSet: LoopResident, @unchecked Sendable {
    let loop: EventLoop
    let tally = LoopTally()
    let configuration: ServerConfiguration
    let handler: any RequestHandler
    let log: @Sendable (ServerEvent) -> Void
    let deadlineLimits: PhaseDeadline.Limits
    private let gate: AdmissionGate

    private(set) var isDraining = false
    var windows = WindowStock()
    var gatherList = GatherList()
    /// Where bytes go that nobody wants.
    let scratch: UnsafeMutableRawBufferPointer
    private var table = ConnectionTable<Connection>(firstSlot: Alarm.allCases.count)
    private var deadlines = DeadlineQueue()
    private var ready: [Connection] = []
    private var running: [Connection] = []
    private var identifiers = RequestIdentifiers()
    private var date = DateField()
    private var acceptor: Acceptor?
    private var drain: DrainTicket?
    private var cutConnections = 0

    /// Deadlines that are no connection's; they have the first slots.
    enum Alarm: Int, CaseIterable {
        case acceptAgain, drainGrace, drainDeadline
    }

    /// The listener's token in the poller, where slot 0 is free because no connection has it.
    static let listenerToken = ConnectionToken(slot: 0, generation: 0)

    init(
        loop: EventLoop, configuration: ServerConfiguration, handler: any RequestHandler,
        gate: AdmissionGate, log: @escaping @Sendable (ServerEvent) -> Void
    ) {
        self.loop = loop
        self.configuration = configuration
        self.handler = handler
        self.gate = gate
        self.log = log
        deadlineLimits = PhaseDeadline.Limits(configuration)
        scratch = .allocate(byteCount: 64 * 1024, alignment: 64)
    }

    deinit {
        scratch.deallocate()
    }
}

/// What may be called from any thread.
extension ConnectionSet {
    /// Hands a reply to its exchange, at once when the caller is on the loop.
    func deliver(_ reply: Reply, to address: ResponseAddress) {
        if loop.isCurrent {
            take(reply, for: address)
        } else {
            loop.execute { self.take(reply, for: address) }
        }
    }

    func adopt(_ accepted: AcceptedSocket) {
        if loop.isCurrent {
            insert(accepted)
        } else {
            loop.execute { self.insert(accepted) }
        }
    }
}

/// What is called on the loop only.
extension ConnectionSet {
    var hasReadyWork: Bool { !ready.isEmpty }
    var nextDeadline: Instant? { deadlines.nextReminder }

    func handle(_ event: PollEvent) {
        let token = ConnectionToken(rawValue: event.token)
        if let connection = table[token] {
            connection.note(event)
            markReady(connection)
        } else if token == Self.listenerToken {
            acceptor?.accept()
        }
    }

    func runReady() {
        guard !ready.isEmpty else { return }
        // Those that become ready during the pass have their turn in the next one.
        swap(&ready, &running)
        for connection in running {
            connection.isMarkedReady = false
            connection.run()
        }
        running.removeAll(keepingCapacity: true)
    }

    func markReady(_ connection: Connection) {
        guard !connection.isMarkedReady else { return }
        connection.isMarkedReady = true
        ready.append(connection)
    }

    func handleDeadline(_ now: Instant) {
        while let slot = deadlines.popExpired(now) {
            if let alarm = Alarm(rawValue: slot) {
                ring(alarm)
            } else {
                table[slot: slot]?.reachedDeadline()
            }
        }
    }

    private func ring(_ alarm: Alarm) {
        switch alarm {
        case .acceptAgain: acceptor?.resume()
        case .drainGrace: for connection in table.members { connection.endGrace() }
        case .drainDeadline:
            cutConnections = table.members.filter(\.isServing).count
            for connection in table.members { connection.cut() }
        }
    }

    func setDeadline(_ deadline: Instant?, for connection: Connection) {
        deadlines.set(deadline, for: Int(connection.token.slot))
    }

    func setAlarm(_ alarm: Alarm, at instant: Instant?) {
        deadlines.set(instant, for: alarm.rawValue)
    }

    func remove(_ connection: Connection) {
        deadlines.set(nil, for: Int(connection.token.slot))
        table.remove(connection.token)
        tally.connectionClosed()
        gate.leave()
        finishDrainIfEmpty()
    }

    func nextRequestID() -> String { identifiers.next() }

    func currentDate() -> [UInt8] { date.bytes(WallClock.now()) }

    func listen(with acceptor: Acceptor) throws(Errno) {
        try acceptor.begin()
        self.acceptor = acceptor
    }

    func acceptorMayResume() {
        acceptor?.resume()
    }

    /// Accepts whoever has already connected, and nobody after them.
    func stopListening() {
        acceptor?.end()
        acceptor = nil
        setAlarm(.acceptAgain, at: nil)
    }

    /// Closes what is idle, answers what has begun, and reports to `ticket` when nothing is left.
    func beginDrain(_ ticket: DrainTicket) {
        isDraining = true
        drain = ticket
        let now = MonotonicClock.now()
        setAlarm(.drainGrace, at: now + configuration.drainGrace)
        setAlarm(.drainDeadline, at: now + configuration.drainDeadline)
        for connection in table.members { connection.beginDrain() }
        finishDrainIfEmpty()
    }

    private func finishDrainIfEmpty() {
        guard table.count == 0, let ticket = drain else { return }
        drain = nil
        for alarm in Alarm.allCases { setAlarm(alarm, at: nil) }
        ticket.finished(cutConnections: cutConnections)
    }

    private func take(_ reply: Reply, for address: ResponseAddress) {
        guard let connection = table[address.token] else { return }
        connection.take(reply, for: address)
        markReady(connection)
    }

    private func insert(_ accepted: AcceptedSocket) {
        let connection = table.insert { token in
            Connection(token: token, accepted: accepted, set: self)
        }
        tally.connectionOpened()
        do {
            try loop.watch(accepted.socket.descriptor, token: connection.token.rawValue)
            connection.start()
            if isDraining { connection.beginDrain() }
        } catch {
            connection.fail(.system(error))
        }
    }
}
