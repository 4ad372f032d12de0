@testable import HTTP1

/// A connection without a socket: the peer's bytes in pieces, driven through parser, decoder and
/// machine as a server drives them, by a handler whose mind depends on the head alone.
struct ConnectionReplay {
    /// What the connection did.
    struct Reading: Equatable {
        var heads: [[UInt8]] = []
        var actions: [ConnectionAction] = []
        /// Of each request whose body the handler wanted, as far as it came.
        var bodies: [[UInt8]] = []
        var state = ConnectionMachine.State.idle
    }

    fileprivate enum Mind {
        case takesBody, answersAtOnce, declinesBody, closes
    }

    private var reading = Reading()
    private var window: [UInt8] = []
    private var parser: RequestParser
    private var machine: ConnectionMachine
    private var decoder: ChunkedDecoder
    private var mind = Mind.takesBody
    private let limits: HTTPLimits

    init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
        parser = RequestParser(limits: limits)
        machine = ConnectionMachine(limits: limits)
        decoder = ChunkedDecoder(limits: limits)
    }

    mutating func receive(_ piece: some Sequence<UInt8>) throws {
        window.append(contentsOf: piece)
        while try advance() {}
    }

    mutating func finish() throws -> Reading {
        try tell(.inputEnded)
        reading.state = machine.state
        return reading
    }

    /// One event; false when nothing happens before more input comes.
    private mutating func advance() throws -> Bool {
        switch machine.state {
        case .idle, .readingHead: return try readHead()
        case .deciding(let exchange): try decide(exchange)
        case .receiving(let exchange, let unread): return try readBody(exchange, unread)
        case .awaitingResponse: try tell(.responseReady(closes: mind == .closes))
        case .sending: try tell(.responseWritten)
        case .discarding(let unread):
            let count = min(unread, UInt64(window.count))
            if count == 0 { return false }
            window.removeFirst(Int(count))
            try tell(.bodyReceived(count))
        case .lingering, .closed:
            window = []
            return false
        }
        return true
    }

    private mutating func readHead() throws -> Bool {
        // A copy of exactly these bytes, so that no look behind them goes unnoticed.
        let received = Array(window)
        let outcome: RequestParser.Outcome
        do {
            outcome = try parser.parse(received.span)
        } catch {
            try tell(.malformed(error))
            return true
        }
        switch outcome {
        case .needMore:
            try require(
                received.count < limits.headBytes, "a full window holds a head or an error")
            guard machine.state == .idle, !received.isEmpty else { return false }
            try tell(.headBegan)
            return false
        case .head(let head, let count):
            let bytes = Array(received[..<count])
            try HeadAudit(head, bytes, limits).check()
            try FieldAudit.check(head)
            reading.heads.append(bytes)
            window.removeFirst(count)
            mind = Mind(head)
            try tell(.headParsed(Exchange(head)))
            return true
        }
    }

    private mutating func decide(_ exchange: Exchange) throws {
        switch mind {
        case .takesBody, .closes:
            reading.bodies.append([])
            decoder = ChunkedDecoder(limits: limits)
            try tell(.bodyWanted)
        case .declinesBody: try tell(.bodyDeclined)
        case .answersAtOnce: try tell(.responseReady(closes: false))
        }
    }

    private mutating func readBody(_ exchange: Exchange, _ unread: UInt64?) throws -> Bool {
        guard exchange.framing == .chunked else {
            let count = Int(min(unread ?? 0, UInt64(window.count)))
            if count == 0 { return false }
            try takeBody(count)
            return true
        }
        if decoder.isComplete {
            try tell(.chunkedBodyEnded)
            return true
        }
        if window.isEmpty { return false }
        if decoder.dataBytesAhead > 0 {
            let count = Int(min(decoder.dataBytesAhead, UInt64(window.count)))
            try takeBody(count)
            decoder.tookData(count)
            return true
        }
        let received = Array(window)
        let count: Int
        do {
            count = try decoder.readFraming(received.span)
        } catch {
            try tell(.malformed(error))
            return true
        }
        try require(count > 0 || decoder.isComplete, "framing is read where no data is ahead")
        window.removeFirst(count)
        return true
    }

    private mutating func takeBody(_ count: Int) throws {
        reading.bodies[reading.bodies.count - 1] += window[..<count]
        window.removeFirst(count)
        try tell(.bodyReceived(UInt64(count)))
    }
}

extension ConnectionReplay {
    private mutating func tell(_ event: ConnectionEvent) throws {
        let before = machine.state
        let actions = machine.handle(event)
        for case let action? in [actions.first, actions.second] {
            try judge(action, before)
            reading.actions.append(action)
        }
        try require(
            before != .closed || machine.state == .closed, "a closed connection stays closed")
    }

    /// What the driver and the handler rely on.
    private func judge(_ action: ConnectionAction, _ before: ConnectionMachine.State) throws {
        switch action {
        case .askHandler, .readHead:
            try require(reading.actions.last?.endsConnection != true, "nothing follows an end")
        case .sendContinue:
            guard case .deciding(let exchange) = before else {
                throw Finding("100 was sent after the body had begun")
            }
            try require(exchange.expectsContinue, "100 is for those who wait for it")
        case .completeBody:
            guard case .receiving(let exchange, _) = before else { return }
            guard case .length(let length) = exchange.framing else { return }
            try requireEqual(
                UInt64(reading.bodies.last?.count ?? -1), length, "a body has its length")
        case .discardBody(let count):
            try require(count <= limits.discardedBodyBytes, "only a small rest is dropped")
        case .close: try require(before != .closed, "a connection is closed once")
        case .readBody, .cancelBody, .sendResponse, .refuse, .halfCloseAndLinger: break
        }
    }
}

extension ConnectionReplay.Mind {
    /// The last byte of the path decides.
    fileprivate init(_ head: RequestHead) {
        switch head.path.utf8.last.map({ $0 % 4 }) {
        case 1: self = .answersAtOnce
        case 2: self = .declinesBody
        case 3: self = .closes
        default: self = .takesBody
        }
    }
}

extension ConnectionAction {
    fileprivate var endsConnection: Bool {
        switch self {
        case .close, .halfCloseAndLinger, .refuse: true
        default: false
        }
    }
}
