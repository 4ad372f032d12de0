import SystemIO

/// One connection of a client. Requests go out in the order in which they are asked, any number of
/// them one behind the other, and answers are told in that order.
///
/// Nothing here waits: whoever drives the connection calls `send` and `receive` when its socket
/// has become ready.
final class ClientConnection {
    private let socket: StreamSocket
    private let authority: String
    private var reader: AnswerReader
    /// Requests of which bytes are to be sent, and how many of the first one's have been.
    private var unsent: [Request] = []
    private var sentBytes = 0
    /// When each request without an answer was due.
    private var due: [Instant] = []
    private var spans = GatherList()

    /// Starts to connect.
    ///
    /// - Parameter room: keeps the body of the last answer; without it bodies are dropped.
    init(_ endpoint: Endpoint, room: Slab? = nil) throws {
        authority = endpoint.authority
        reader = try AnswerReader(room: room)
        socket = try StreamSocket(connectingTo: endpoint.address)
    }

    func join(_ poller: borrowing Poller, token: UInt64) throws {
        try poller.add(socket.descriptor, token: token)
    }

    /// Takes a request that was due at that time to those that `send` sends.
    func ask(_ request: Request, due time: Instant) {
        unsent.append(request)
        due.append(time)
    }

    /// Sends what the socket takes.
    func send() throws {
        while !unsent.isEmpty {
            spans.removeAll()
            var start = sentBytes
            for request in unsent {
                guard !spans.isFull, request.append(to: &spans, after: start) else { break }
                start = 0
            }
            switch socket.send(spans) {
            case .bytes(let count): sentBytes += count
            case .wouldBlock: return
            case .endOfStream: throw failure("closed the connection")
            case .failed(let error): throw failure(error.description)
            }
            while let first = unsent.first, sentBytes >= first.byteCount {
                sentBytes -= first.byteCount
                unsent.removeFirst()
            }
        }
    }

    enum Standing { case open, ended }

    /// Takes what has arrived and tells each answer that it makes whole, with the time at which
    /// its request was due.
    ///
    /// - Throws: for an answer that is no success, and when the server ends amid its answers.
    /// - Returns: whether the server has ended the connection.
    func receive(
        peerHasEnded: Bool, _ answered: (AnswerHead, Instant) throws -> Void
    ) throws -> Standing {
        while true {
            let space = try located { try reader.space() }
            switch socket.receive(into: space) {
            case .wouldBlock: return .open
            case .failed(let error): throw failure(error.description)
            case .endOfStream:
                guard due.isEmpty else { throw failure("closed the connection") }
                return .ended
            case .bytes(let count):
                reader.received(count)
                try tell(answered)
                // A short read emptied the socket: what comes later is reported again (epoll(7)).
                if !peerHasEnded, count < space.count || due.isEmpty { return .open }
            }
        }
    }

    private func tell(_ answered: (AnswerHead, Instant) throws -> Void) throws {
        while let head = try located({ try reader.next() }) {
            guard head.isSuccess else {
                let text = String(decoding: reader.refusal, as: UTF8.self)
                throw failure("unexpected answer \(head.status) \(text)")
            }
            guard !due.isEmpty else { throw failure("an answer that nothing asked for") }
            try answered(head, due.removeFirst())
        }
        if due.isEmpty, reader.isAmidAnswer { throw failure("bytes follow the answer") }
    }

    private func located<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as LoadFailure {
            throw failure(error.description)
        }
    }

    private func failure(_ reason: String) -> LoadFailure {
        LoadFailure(description: "\(authority): \(reason)")
    }
}
