import SystemIO

/// Connections to one server with requests on their way, all driven by one thread.
final class ClientLoop {
    enum Use {
        /// Connections stay, each with up to `depth` requests on their way.
        case kept(depth: Int)
        /// Each request goes over a connection of its own, which the server closes.
        case fresh
    }

    private let endpoint: Endpoint
    private let requests: [Request]
    private let use: Use
    private let poller: Poller
    private let timer: TimerDescriptor
    private var slots: [Slot]
    /// The number of a slot for each request that it could take now.
    private var idle: Ring
    private var events: [PollEvent] = []
    private var timerIsSetFor: Instant?

    /// One place for a connection.
    private struct Slot {
        var connection: ClientConnection?
        var nextRequest: Int
    }

    private static let timerToken = UInt64.max
    private static let patienceMilliseconds: Int32 = 60_000

    /// - Parameters:
    ///   - requests: connection c asks the c-th first, and goes through them in strides of the
    ///     number of connections. With as many requests as connections each keeps to its own.
    ///   - connections: by default as many as there are requests.
    init(
        _ endpoint: Endpoint, _ requests: [Request], connections: Int? = nil,
        use: Use = .kept(depth: 1)
    ) throws {
        self.endpoint = endpoint
        self.requests = requests
        self.use = use
        let count = connections ?? requests.count
        slots = (0..<count).map { Slot(connection: nil, nextRequest: $0 % requests.count) }
        poller = try Poller()
        timer = try TimerDescriptor()
        try poller.add(timer.descriptor, token: Self.timerToken)
        var depth = 1
        if case .kept(let wanted) = use { depth = wanted }
        idle = Ring(capacity: count * depth)
        for _ in 0..<depth {
            for slot in 0..<count { idle.enter(slot) }
        }
        if case .kept = use { try connectAll() }
    }

    /// Connections that are asked the same again and again.
    convenience init(_ endpoint: Endpoint, _ request: Request, connections: Int) throws {
        try self.init(endpoint, [request], connections: connections)
    }

    var connectionCount: Int { slots.count }

    /// What a run came to besides its answers.
    struct Outcome {
        let asked: Int
        /// Requests that were due and found no connection with room for them in time.
        let unasked: Int
    }

    /// Asks as the schedule says, then waits for what is still on its way, so that the server
    /// rests afterwards.
    ///
    /// - Parameter answered: is told of each answer the number of its connection, when its request
    ///   was due, and when it was whole.
    @discardableResult
    func run(
        _ schedule: Schedule, _ answered: (Int, Instant, Instant) -> Void
    ) throws -> Outcome {
        let room = idle.count
        var asked = 0
        try handOut(schedule, &asked, now: schedule.start)
        while idle.count < room || schedule.due(asked, at: MonotonicClock.now()) != nil {
            try awaitEvents()
            for event in events {
                var now: Instant?
                if event.token != Self.timerToken {
                    try move(event) { slot, due in
                        let end = MonotonicClock.now()
                        answered(slot, due, end)
                        now = end
                    }
                }
                if !idle.isEmpty {
                    try handOut(schedule, &asked, now: now ?? MonotonicClock.now())
                }
            }
        }
        return Outcome(asked: asked, unasked: schedule.unasked(after: asked))
    }

    /// Asks what is due on connections that have room; sets the timer for what is due later.
    private func handOut(_ schedule: Schedule, _ asked: inout Int, now: Instant) throws {
        while !idle.isEmpty, let due = schedule.due(asked, at: now) {
            guard due <= now else { return try setTimer(for: due) }
            guard let slot = idle.leave() else { return }
            try ask(on: slot, due: due)
            asked += 1
        }
    }

    private func setTimer(for due: Instant) throws {
        guard timerIsSetFor != due else { return }
        try timer.arm(at: due)
        timerIsSetFor = due
    }

    private func ask(on slot: Int, due: Instant) throws {
        let connection = try slots[slot].connection ?? connect(slot)
        let number = slots[slot].nextRequest
        slots[slot].nextRequest = (number + slots.count) % requests.count
        connection.ask(requests[number], due: due)
        try connection.send()
    }

    /// Moves what a connection can move, and makes room for requests where answers came.
    private func move(_ event: PollEvent, _ answered: (Int, Instant) -> Void) throws {
        let slot = Int(event.token)
        guard let connection = slots[slot].connection else { return }
        if event.isWritable { try connection.send() }
        guard event.isReadable else { return }
        var isKept = true
        if case .fresh = use { isKept = false }
        let standing = try connection.receive(peerHasEnded: event.peerHasEnded) { _, due in
            answered(slot, due)
            if isKept { idle.enter(slot) }
        }
        guard case .ended = standing else { return }
        guard !isKept else {
            throw LoadFailure(description: "\(endpoint.authority): closed a kept connection")
        }
        slots[slot].connection = nil
        idle.enter(slot)
    }

    private func connect(_ slot: Int) throws -> ClientConnection {
        let connection = try ClientConnection(endpoint)
        try connection.join(poller, token: UInt64(slot))
        slots[slot].connection = connection
        return connection
    }

    /// Each connection is reported once when it stands; nothing has been asked by then.
    private func connectAll() throws {
        for slot in slots.indices { _ = try connect(slot) }
        var standing = 0
        while standing < slots.count {
            try awaitEvents()
            standing += events.count
        }
    }

    private func awaitEvents() throws {
        events.removeAll(keepingCapacity: true)
        let count = try poller.wait(milliseconds: Self.patienceMilliseconds) { events.append($0) }
        guard count > 0 else {
            throw LoadFailure(description: "\(endpoint.authority): nothing happens for 60 s")
        }
    }
}
