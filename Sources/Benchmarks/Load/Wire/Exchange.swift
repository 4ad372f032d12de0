import SystemIO

/// One keep-alive connection that sends a request and waits for the whole answer.
final class Exchange {
    private let connection: ClientConnection
    private let poller: Poller
    private let authority: String

    /// - Parameter room: keeps the body of the last answer; without it bodies are dropped.
    init(_ endpoint: Endpoint, room: Slab? = nil) throws {
        authority = endpoint.authority
        connection = try ClientConnection(endpoint, room: room)
        poller = try Poller()
        try connection.join(poller, token: 0)
    }

    /// Sends a whole request, head and body, and receives the answer.
    ///
    /// - Throws: when the answer is no success, the body does not fit, or the peer leaves.
    func perform(_ request: Request) throws -> AnswerHead {
        connection.ask(request, due: MonotonicClock.now())
        try connection.send()
        var answer: AnswerHead?
        while true {
            let event = try awaitEvent()
            if event.isWritable { try connection.send() }
            guard event.isReadable else { continue }
            let standing = try connection.receive(peerHasEnded: event.peerHasEnded) { head, _ in
                answer = head
            }
            if let answer { return answer }
            guard case .open = standing else { throw failure("closed the connection") }
        }
    }

    private func awaitEvent() throws -> PollEvent {
        var event: PollEvent?
        _ = try poller.wait(milliseconds: 60_000) { event = $0 }
        guard let event else { throw failure("nothing happens for 60 s") }
        return event
    }

    private func failure(_ reason: String) -> LoadFailure {
        LoadFailure(description: "\(authority): \(reason)")
    }

    /// - Returns: the answer, and the seconds from the first byte sent to the last one received.
    func timed(_ request: Request) throws -> (AnswerHead, seconds: Double) {
        let start = MonotonicClock.now()
        let head = try perform(request)
        let end = MonotonicClock.now()
        return (head, Double(end.nanoseconds - start.nanoseconds) / 1e9)
    }
}
