/// One request and its response, as far as the connection cares.
package struct Exchange: Sendable, Equatable {
    package var framing: BodyFraming
    package var keepsAlive: Bool
    package var expectsContinue: Bool

    package init(framing: BodyFraming, keepsAlive: Bool, expectsContinue: Bool) {
        self.framing = framing
        self.keepsAlive = keepsAlive
        self.expectsContinue = expectsContinue
    }

    package init(_ head: RequestHead) {
        self.init(
            framing: head.framing, keepsAlive: head.keepsAlive,
            expectsContinue: head.expectsContinue)
    }
}

/// What a connection's driver tells the machine.
package enum ConnectionEvent: Sendable, Equatable {
    /// The first bytes of a head have arrived, but not all of it.
    case headBegan
    case headParsed(Exchange)
    /// The head or the body's framing is faulty.
    case malformed(ProtocolError)
    /// The handler wants the body. Answered by `readBody`, or by `completeBody` when there is none.
    case bodyWanted
    /// The handler wants no body and answers later.
    case bodyDeclined
    /// So many body bytes (of a chunked body: data bytes) were received, or discarded.
    case bodyReceived(UInt64)
    /// The last byte of a chunked body was read. A body of known length ends by itself.
    case chunkedBodyEnded
    /// There is a response to send; the handler may ask for the connection to be closed after it.
    case responseReady(closes: Bool)
    case responseWritten
    /// The peer will send no more, and its last byte has been used. Reported whenever a read says
    /// so: the machine heeds it only where it needs input.
    case inputEnded
    /// The connection is broken (reset, failed write).
    case failed
    /// The deadline that `ConnectionMachine.deadline` names has passed.
    case deadlinePassed
    /// The server is going down: no further request.
    case drain
    /// The server goes down now; whoever is still sending is refused.
    case graceEnded
}

/// What the machine tells its driver to do.
package enum ConnectionAction: Sendable, Equatable {
    /// Give the head to the handler; report `bodyWanted`, `bodyDeclined` or `responseReady`.
    case askHandler
    case sendContinue
    /// Receive the body into the handler's memory, reporting `bodyReceived`.
    case readBody
    /// Tell the receiver that the body is whole.
    case completeBody
    /// Tell the receiver that the body will never be whole.
    case cancelBody
    /// Send the response that is ready, then report `responseWritten`.
    case sendResponse(keepsAlive: Bool)
    /// Make a response for this refusal and send it with `Connection: close`, then report
    /// `responseWritten`.
    case refuse(ConnectionRefusal)
    /// Parse the next head, beginning with what the window already holds.
    case readHead
    /// Read and drop so many bytes of the body, reporting `bodyReceived`.
    case discardBody(UInt64)
    /// Stop sending, and read and drop until the peer closes or the deadline passes. Closing at
    /// once could reset the connection and take the response from the peer (RFC 9112 §9.6).
    case halfCloseAndLinger
    case close
}

/// Why the connection itself, not the handler, answers a request.
package enum ConnectionRefusal: Sendable, Equatable {
    case malformed(ProtocolError)
    case headTooSlow
    case bodyTooSlow
    case draining
}

/// What a connection is waiting for, and so which of the server's limits runs.
package enum ConnectionDeadline: Sendable, Equatable {
    /// The next request on a connection that has none.
    case idle
    case head
    /// The body, or its unread rest.
    case body
    /// Progress in writing a response.
    case write
    /// The peer's close after ours.
    case linger
}

/// At most two actions, in order, without an array's allocation.
package struct ConnectionActions: Sendable, Equatable {
    package let first: ConnectionAction?
    package let second: ConnectionAction?

    init(_ first: ConnectionAction? = nil, _ second: ConnectionAction? = nil) {
        self.first = first
        self.second = second
    }

    static let none = ConnectionActions()
}
