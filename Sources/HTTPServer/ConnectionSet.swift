import HTTP1
import SystemIO

/// The connections of one loop and what they share: deadlines, the list of those with work to do,
/// read blocks, scratch memory.
///
/// Confined to its loop, except for `deliver`, `adopt` and the two constants that say where it is;
/// that is what the `@unchecked` stands for.
final class ConnectionSet: LoopResident, @unchecked Sendable {
    let loop: any Loop
    let tally = LoopTally()
    let configuration: ServerConfiguration
    let handler: any RequestHandler
    let log: @Sendable (ServerEvent) -> Void
    let deadlineLimits: PhaseDeadline.Limits
    private let gate: AdmissionGate

    @exclusivity(unchecked) private(set) var isDraining = false
    @exclusivity(unchecked) var windows = WindowStock()
    @exclusivity(unchecked) var gatherList = GatherList()
    /// Where bytes go that nobody wants.
    let scratch: UnsafeMutableRawBufferPointer
    @exclusivity(unchecked) private(set) var table = ConnectionTable<Connection>(
        firstSlot: Alarm.allCases.count)
    @exclusivity(unchecked) private(set) var deadlines = DeadlineQueue()
    @exclusivity(unchecked) private var ready: [Connection] = []
    @exclusivity(unchecked) private var running: [Connection] = []
    @exclusivity(unchecked) private var identifiers = RequestIdentifiers()
    @exclusivity(unchecked) private var date = DateField()
    private var acceptors: [Acceptor] = []
    /// Whose request was handed to the handler last.
    @exclusivity(unchecked) private var lastServed: ConnectionToken?
    private var drain: DrainTicket?
    private var cutConnections = 0

    /// Deadlines that are no connection's; they have the first slots.
    enum Alarm: Int, CaseIterable {
        case acceptAgain, drainGrace, drainDeadline
    }

    /// Listeners' tokens in the poller have slot 0, which no connection has.
    static func listenerToken(_ number: Int) -> ConnectionToken {
        ConnectionToken(slot: 0, generation: UInt32(number))
    }

    init(
        loop: any Loop, configuration: ServerConfiguration, handler: any RequestHandler,
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
        } else if let acceptor = acceptors.first(where: { $0.token == token }) {
            acceptor.accept()
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
        case .acceptAgain: acceptorsMayResume()
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

    /// Notes whose request is handed to the handler, and says whether the last one was theirs too.
    func servesAgain(_ token: ConnectionToken) -> Bool {
        defer { lastServed = token }
        return lastServed == token
    }

    func nextRequestID() -> String { identifiers.next() }

    func currentDate() -> [UInt8] { date.bytes(WallClock.now()) }

    func listen(with acceptor: Acceptor) throws(Errno) {
        try acceptor.begin()
        acceptors.append(acceptor)
    }

    func acceptorsMayResume() {
        for acceptor in acceptors { acceptor.resume() }
    }

    /// Accepts whoever has already connected, and nobody after them.
    func stopListening() {
        for acceptor in acceptors { acceptor.end() }
        acceptors = []
        setAlarm(.acceptAgain, at: nil)
    }

    /// Closes what is idle, answers what has begun, and reports to `ticket` when nothing is left.
    func beginDrain(_ ticket: DrainTicket) {
        isDraining = true
        drain = ticket
        let now = loop.exactNow
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
        let transport: any Transport
        do {
            transport = try self.transport(of: accepted)
        } catch {
            log(.handshakeFailed(peer: accepted.peer, reason: "\(error)"))
            return gate.leave()
        }
        admit(transport, from: accepted.peer) { token throws(Errno) in
            try loop.watch(accepted.socket.descriptor, token: token)
        }
    }

    /// Begins to serve a connection that has entered the gate.
    ///
    /// - Parameter watch: has the loop report events under the token.
    func admit(
        _ transport: any Transport, from peer: SocketAddress,
        watch: (UInt64) throws(Errno) -> Void
    ) {
        let connection = table.insert { token in
            Connection(token: token, transport: transport, peer: peer, set: self)
        }
        tally.connectionOpened()
        do {
            try watch(connection.token.rawValue)
            connection.start()
            if isDraining { connection.beginDrain() }
        } catch {
            connection.fail(.system(error))
        }
    }

    private func transport(of accepted: AcceptedSocket) throws(Errno) -> any Transport {
        guard let identity = accepted.identity else { return accepted }
        return try TLSTransport(accepted, identity.context) { [tally, log] outcome in
            switch outcome {
            case .completed(let inKernel): tally.handshakeCompleted(inKernel: inKernel)
            case .failed(let reason):
                tally.handshakeFailed()
                log(.handshakeFailed(peer: accepted.peer, reason: reason))
            }
        }
    }
}
