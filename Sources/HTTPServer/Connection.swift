import HTTP1
import SystemIO

/// One connection: performs what the machine rules, with its socket. Confined to its loop.
///
/// `run` does a bounded piece of work and returns; whatever happens (readiness, a reply, a
/// deadline) only notes itself and has the loop call `run` again, so nothing here re-enters. That
/// is also why access need not be checked for exclusivity at run time, here and in what is on the
/// same loop: the checks took a fifth of the instructions of a small request.
final class Connection {
    let token: ConnectionToken
    let peer: SocketAddress
    let transport: any Transport
    let set: ConnectionSet
    /// Already on the loop's list of connections with work to do.
    @exclusivity(unchecked) var isMarkedReady = false

    @exclusivity(unchecked) var machine: ConnectionMachine
    @exclusivity(unchecked) var parser: RequestParser
    @exclusivity(unchecked) var chunks: ChunkedDecoder
    @exclusivity(unchecked) var readiness = Readiness()
    @exclusivity(unchecked) var window = ReadWindow()
    @exclusivity(unchecked) var outgoing = OutgoingBytes()
    @exclusivity(unchecked) var request: CurrentRequest?
    @exclusivity(unchecked) var receiver: (any BodyReceiver)?
    @exclusivity(unchecked) var reply: Reply?
    /// Counts the requests of this connection.
    @exclusivity(unchecked) var serial: UInt64 = 0
    @exclusivity(unchecked) var progress = PhaseDeadline.Progress()
    @exclusivity(unchecked) var lingered = 0
    @exclusivity(unchecked) private(set) var deadline: PhaseDeadline
    private var failure: ConnectionFailure?

    init(
        token: ConnectionToken, transport: any Transport, peer: SocketAddress, set: ConnectionSet
    ) {
        self.token = token
        self.transport = transport
        self.peer = peer
        self.set = set
        let limits = set.configuration.limits
        machine = ConnectionMachine(limits: limits)
        parser = RequestParser(limits: limits)
        chunks = ChunkedDecoder(limits: limits)
        deadline = PhaseDeadline(limits: set.deadlineLimits)
    }

    /// The request that is being served, from its head to the last byte of its response.
    struct CurrentRequest {
        let head: RequestHead?
        let context: RequestContext
        let bytesInBefore: UInt64
        let bytesOutBefore: UInt64
        var bodyBytes: UInt64 = 0
        var status: Status?
        var code: String?
    }

    /// What the poller has reported and no transfer has used up since.
    struct Readiness {
        var canRead = false
        var canWrite = true
        /// The peer has sent its end, so that reading on to it is worth a call.
        var peerHasEnded = false
        var isBroken = false
    }

    /// What one step of work came to.
    enum Progress {
        case again
        /// Nothing to do until the poller, a reply or a deadline says so.
        case waiting
    }

    /// A bounded turn, so that a large upload does not starve the others: 256 KiB cost about 30 µs.
    struct Budget {
        var bytes = 256 * 1024
        var requests = 16
        var isSpent: Bool { bytes <= 0 || requests <= 0 }
    }

    var isServing: Bool { request != nil }
}

/// What happens to a connection, told by its loop.
extension Connection {
    func start() {
        settle()
    }

    func note(_ event: PollEvent) {
        let isEither = !transport.isTransparent && (event.isReadable || event.isWritable)
        if event.isReadable || isEither { readiness.canRead = true }
        if event.isWritable || isEither { readiness.canWrite = true }
        if event.peerHasEnded { readiness.peerHasEnded = true }
        if event.isBroken { readiness.isBroken = true }
    }

    /// The first reply counts, and only while its request waits for one: any other must not lie
    /// here until the next request comes.
    func take(_ reply: Reply, for address: ResponseAddress) {
        guard case .awaitingResponse = machine.state, address.serial == serial, self.reply == nil
        else { return }
        self.reply = reply
    }

    func reachedDeadline() {
        let untaken = transport.untakenBytes
        switch deadline.reached(progress, untaken: untaken, set.loop.exactNow) {
        case .extended(let next): set.setDeadline(next, for: self)
        case .passed:
            failure = .timedOut
            tell(.deadlinePassed)
            run()
        }
    }

    /// A request that has begun to arrive is still served, and its answer says `close`.
    func beginDrain() {
        if machine.state == .idle { noticeArrivedRequest() }
        tell(.drain)
        run()
    }

    func endGrace() {
        tell(.graceEnded)
        run()
    }

    func cut() {
        fail(.timedOut)
    }

    func fail(_ failure: ConnectionFailure) {
        self.failure = failure
        tell(.failed)
    }
}

/// What a connection does in its turn.
extension Connection {
    func run() {
        // What is noted during the turn is seen by its own steps and needs no other turn.
        let wasMarkedReady = isMarkedReady
        isMarkedReady = true
        var budget = Budget()
        var isDone = false
        while !isDone, !budget.isSpent {
            if case .waiting = step(&budget) { isDone = true }
        }
        isMarkedReady = wasMarkedReady
        settle()
        if !isDone, machine.state != .closed { set.markReady(self) }
    }

    private func step(_ budget: inout Budget) -> Progress {
        switch machine.state {
        case .idle, .readingHead: return readHead(&budget)
        case .receiving:
            writeInterim()
            return reply == nil ? receiveBody(&budget) : answer()
        case .awaitingResponse:
            writeInterim()
            return reply == nil ? checkForReset() : answer()
        case .sending: return write(&budget)
        case .discarding(let unread): return discard(unread, &budget)
        case .lingering: return linger(&budget)
        case .deciding, .closed: return .waiting
        }
    }

    /// Gives back what an idle connection need not hold, and sets the deadline anew.
    private func settle() {
        guard machine.state != .closed else { return }
        window.settle(&set.windows)
        let due = deadline.update(
            machine.deadline, request: serial, progress, set.loop.now)
        set.setDeadline(due, for: self)
    }

    func tell(_ event: ConnectionEvent) {
        let actions = machine.handle(event)
        if let action = actions.first { perform(action) }
        if let action = actions.second { perform(action) }
    }

    private func perform(_ action: ConnectionAction) {
        switch action {
        case .askHandler: askHandler()
        case .sendContinue: sendContinue()
        case .completeBody: completeBody()
        case .cancelBody: cancelBody()
        case .sendResponse(let keepsAlive): sendResponse(keepsAlive: keepsAlive)
        case .refuse(let refusal): refuse(refusal)
        case .readBody: chunks = ChunkedDecoder(limits: set.configuration.limits)
        case .readHead, .discardBody: break  // `step` sees to these by the state.
        case .halfCloseAndLinger: halfClose()
        case .close: close()
        }
    }

    private func halfClose() {
        do {
            try transport.finishSending()
        } catch {
            tell(.failed)  // Nobody is there any more to linger for.
        }
    }

    private func close() {
        if let request {
            set.log(
                .connectionFailed(
                    peer: peer, requestID: request.context.requestID,
                    reason: failure ?? .endedEarly))
        }
        transport.close()
        request = nil
        receiver = nil
        reply = nil
        window.consume(window.bytes.count)
        window.settle(&set.windows)
        set.remove(self)
    }
}
