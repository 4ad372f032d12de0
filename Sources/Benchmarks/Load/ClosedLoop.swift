import SystemIO

/// Connections to one server, each with one request on its way, all driven by one thread.
final class ClosedLoop {
    private let poller: Poller
    private let connections: [Connection]
    private var answered = 0
    private var waiting = 0

    convenience init(_ endpoint: Endpoint, connections count: Int) throws {
        let request = try endpoint.request("GET", endpoint.path)
        try self.init(endpoint, requests: (0..<count).map { _ in request })
    }

    /// - Parameter requests: one for each connection, which sends it again and again.
    init(_ endpoint: Endpoint, requests: [Slab]) throws {
        let count = requests.count
        poller = try Poller()
        connections = try requests.map { try Connection(endpoint, $0) }
        for (token, connection) in connections.enumerated() {
            try poller.add(connection.socket.descriptor, token: UInt64(token))
        }
        // Each connection is reported once when it stands; nothing has been asked by then.
        var standing = 0
        while standing < count {
            standing += try wait { _ in }
        }
    }

    /// Asks on every connection, and again after each answer, until the time is up; then waits
    /// for what is still on its way, so that the server rests while another one is measured.
    ///
    /// - Returns: answers per second.
    func rate(forNanoseconds length: UInt64) throws -> Double {
        let start = MonotonicClock.now()
        let deadline = start.advanced(byNanoseconds: length)
        answered = 0
        for connection in connections { try connection.ask() }
        waiting = connections.count
        var end = start
        var counted = 0
        while waiting > 0 {
            let asksAgain = end < deadline
            try collect { _ in asksAgain }
            end = asksAgain ? MonotonicClock.now() : end
            counted = asksAgain ? answered : counted
        }
        return Double(counted) / (Double(end.nanoseconds - start.nanoseconds) / 1e9)
    }

    /// Asks so often in all, and waits for every answer.
    ///
    /// - Returns: how many answers each connection had.
    func answers(to count: Int) throws -> [Int] {
        var answers = [Int](repeating: 0, count: connections.count)
        waiting = min(count, connections.count)
        var unasked = count - waiting
        for connection in connections.prefix(waiting) { try connection.ask() }
        while waiting > 0 {
            try collect { connection in
                answers[connection] += 1
                unasked -= 1
                return unasked >= 0
            }
        }
        return answers
    }

    /// - Parameter asksAgain: whether a connection that was answered asks again, by its number.
    private func collect(_ asksAgain: (Int) -> Bool) throws {
        var failure: (any Error)?
        _ = try wait { event in
            guard failure == nil, event.isReadable else { return }
            do {
                let connection = connections[Int(event.token)]
                guard try connection.receive() else { return }
                answered += 1
                if asksAgain(Int(event.token)) {
                    try connection.ask()
                } else {
                    waiting -= 1
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private func wait(_ body: (PollEvent) -> Void) throws -> Int {
        let count = try poller.wait(milliseconds: 10_000, body)
        guard count > 0 else { throw LoadFailure(description: "nothing happens for 10 s") }
        return count
    }
}

/// One of the closed loop's connections.
private final class Connection {
    let socket: StreamSocket
    private let request: Slab
    private let window: Slab
    private let authority: String
    private var received = 0

    init(_ endpoint: Endpoint, _ request: Slab) throws {
        authority = endpoint.authority
        self.request = request
        socket = try StreamSocket(connectingTo: endpoint.address)
        window = try Slab(byteCount: 64 * 1024, zeroed: true)
    }

    func ask() throws {
        // A request of some thousand bytes always fits the empty buffer of an idle connection.
        let result = socket.send(UnsafeRawBufferPointer(request.bytes))
        guard result == .bytes(request.byteCount) else { throw failure("send: \(result)") }
    }

    /// Takes what has arrived; true when that makes the answer whole.
    func receive() throws -> Bool {
        switch socket.receive(into: .init(rebasing: window.bytes[received...])) {
        case .bytes(let count): received += count
        case .wouldBlock: return false
        case .endOfStream: throw failure("closed the connection")
        case .failed(let error): throw failure(error.description)
        }
        let bytes = UnsafeRawBufferPointer(rebasing: window.bytes[..<received])
        guard let head = try AnswerHead(bytes) else { return try incomplete() }
        guard head.status == 200 else { throw failure("status \(head.status)") }
        let wanted = head.headBytes + head.bodyBytes
        if received < wanted { return try incomplete() }
        guard received == wanted else { throw failure("bytes follow the answer") }
        received = 0
        return true
    }

    private func incomplete() throws -> Bool {
        guard received < window.byteCount else { throw failure("the answer is too long") }
        return false
    }

    private func failure(_ reason: String) -> LoadFailure {
        LoadFailure(description: "\(authority): \(reason)")
    }
}
