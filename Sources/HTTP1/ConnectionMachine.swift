/// One connection's life as a machine: events in, actions out, no I/O.
///
/// One request is in flight at a time; pipelined ones wait in the driver's window until `readHead`,
/// which keeps the answers in order (RFC 9112 §9.3.2).
package struct ConnectionMachine: Sendable {
    package enum State: Sendable, Equatable {
        /// No byte of a request is here.
        case idle
        case readingHead
        /// The handler decides on the head; no body byte has been read.
        case deciding(Exchange)
        /// The body goes to its receiver. `unread` is nil for a chunked body.
        case receiving(Exchange, unread: UInt64?)
        /// Every wanted byte is here; the response is to come.
        case awaitingResponse(Exchange, bodyIsRead: Bool)
        case sending(then: Afterwards)
        case discarding(UInt64)
        case lingering
        case closed
    }

    /// What follows a response.
    package enum Afterwards: Sendable, Equatable {
        case nextHead
        case discard(UInt64)
        case linger
        case close
    }

    package private(set) var state = State.idle
    private var isDraining = false
    private let discardedBodyBytes: UInt64

    package init(limits: HTTPLimits = HTTPLimits()) {
        discardedBodyBytes = limits.discardedBodyBytes
    }

    /// The deadline to keep; nil while the handler is at work.
    package var deadline: ConnectionDeadline? {
        switch state {
        case .idle: .idle
        case .readingHead: .head
        case .receiving, .discarding: .body
        case .sending: .write
        case .lingering: .linger
        case .deciding, .awaitingResponse, .closed: nil
        }
    }

    /// The table of transitions. An event that means nothing in a state changes nothing.
    package mutating func handle(_ event: ConnectionEvent) -> ConnectionActions {
        switch (state, event) {
        case (.closed, _): return .none
        case (_, .failed): return abort()
        case (_, .drain): return drain()

        case (.idle, .headBegan): return go(.readingHead)
        case (.idle, .headParsed(let exchange)), (.readingHead, .headParsed(let exchange)):
            return go(.deciding(exchange), .askHandler)
        case (.idle, .malformed(let error)), (.readingHead, .malformed(let error)):
            return refuse(.malformed(error))
        case (.idle, .inputEnded), (.readingHead, .inputEnded): return go(.closed, .close)
        case (.idle, .deadlinePassed), (.idle, .graceEnded): return go(.closed, .close)
        case (.readingHead, .deadlinePassed): return refuse(.headTooSlow)
        case (.readingHead, .graceEnded): return refuse(.draining)

        case (.deciding(let exchange), .bodyWanted): return receive(exchange)
        case (.deciding(let exchange), .bodyDeclined):
            return go(.awaitingResponse(exchange, bodyIsRead: !exchange.framing.hasBody))
        case (.deciding(let exchange), .responseReady(let closes)):
            return answer(exchange, unread: Self.unread(exchange), closes)

        case (.receiving(let exchange, let unread), .bodyReceived(let count)):
            return received(exchange, unread, count)
        case (.receiving(let exchange, nil), .chunkedBodyEnded):
            return go(.awaitingResponse(exchange, bodyIsRead: true), .completeBody)
        case (.receiving(var exchange, let unread), .responseReady(let closes)):
            exchange.expectsContinue = false
            return answer(exchange, unread: unread, closes)
        case (.receiving, .malformed(let error)): return cancel(.malformed(error))
        case (.receiving, .deadlinePassed): return cancel(.bodyTooSlow)
        case (.receiving, .graceEnded): return cancel(.draining)
        case (.receiving, .inputEnded): return abort()

        case (.awaitingResponse(let exchange, let bodyIsRead), .responseReady(let closes)):
            return answer(exchange, unread: bodyIsRead ? 0 : Self.unread(exchange), closes)

        case (.sending(let then), .responseWritten): return follow(then)
        case (.sending, .deadlinePassed): return abort()

        case (.discarding(let unread), .bodyReceived(let count)):
            return count < unread ? go(.discarding(unread - count)) : go(.idle, .readHead)
        case (.discarding, .inputEnded), (.discarding, .deadlinePassed): return abort()
        case (.lingering, .inputEnded), (.lingering, .deadlinePassed): return abort()

        default: return .none
        }
    }

    private mutating func go(
        _ state: State, _ first: ConnectionAction? = nil, _ second: ConnectionAction? = nil
    ) -> ConnectionActions {
        self.state = state
        return ConnectionActions(first, second)
    }

    private mutating func receive(_ exchange: Exchange) -> ConnectionActions {
        guard exchange.framing.hasBody else {
            return go(.awaitingResponse(exchange, bodyIsRead: true), .completeBody)
        }
        let state = State.receiving(exchange, unread: Self.unread(exchange))
        return exchange.expectsContinue
            ? go(state, .sendContinue, .readBody) : go(state, .readBody)
    }

    private mutating func received(
        _ exchange: Exchange, _ unread: UInt64?, _ count: UInt64
    ) -> ConnectionActions {
        guard let unread else { return .none }
        return count < unread
            ? go(.receiving(exchange, unread: unread - count))
            : go(.awaitingResponse(exchange, bodyIsRead: true), .completeBody)
    }

    /// Sends a response and settles what comes after it.
    ///
    /// With body bytes unread (`nil`: nobody knows how many) the next request begins somewhere
    /// behind them. A client that still waits for 100 may or may not send them now, so that
    /// connection cannot go on (RFC 9110 §10.1.1). A small rest is read and dropped; a large one
    /// costs more than a new connection.
    private mutating func answer(
        _ exchange: Exchange, unread: UInt64?, _ closes: Bool
    ) -> ConnectionActions {
        let wantsMore = exchange.keepsAlive && !closes && !isDraining
        let then: Afterwards =
            switch unread {
            case 0: wantsMore ? .nextHead : exchange.keepsAlive ? .linger : .close
            case let unread? where wantsMore && !exchange.expectsContinue
                && unread <= discardedBodyBytes: .discard(unread)
            default: .linger
            }
        let keepsAlive =
            switch then {
            case .nextHead, .discard: true
            case .linger, .close: false
            }
        return go(.sending(then: then), .sendResponse(keepsAlive: keepsAlive))
    }

    private mutating func follow(_ then: Afterwards) -> ConnectionActions {
        switch then {
        case .nextHead: isDraining ? linger() : go(.idle, .readHead)
        case .discard(let unread):
            isDraining ? linger() : go(.discarding(unread), .discardBody(unread))
        case .linger: linger()
        case .close: go(.closed, .close)
        }
    }

    private mutating func linger() -> ConnectionActions {
        go(.lingering, .halfCloseAndLinger)
    }

    private mutating func refuse(_ refusal: ConnectionRefusal) -> ConnectionActions {
        go(.sending(then: .linger), .refuse(refusal))
    }

    /// A body that will never be whole: its receiver hears so before the peer does.
    private mutating func cancel(_ refusal: ConnectionRefusal) -> ConnectionActions {
        go(.sending(then: .linger), .cancelBody, .refuse(refusal))
    }

    private mutating func abort() -> ConnectionActions {
        if case .receiving = state { return go(.closed, .cancelBody, .close) }
        return go(.closed, .close)
    }

    /// Nothing new is begun; what has begun is answered, and its answer says `close`.
    private mutating func drain() -> ConnectionActions {
        isDraining = true
        switch state {
        case .idle: return go(.closed, .close)
        case .discarding: return linger()
        default: return .none
        }
    }

    /// Body bytes behind an exchange's head; nil when only reading them can tell.
    private static func unread(_ exchange: Exchange) -> UInt64? {
        switch exchange.framing {
        case .none: 0
        case .length(let length): length
        case .chunked: nil
        }
    }
}
