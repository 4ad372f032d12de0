import SystemIO

/// One keep-alive connection that sends a request and waits for the whole answer.
final class Exchange {
    private let socket: StreamSocket
    private let poller: Poller
    private let window: Slab
    private let authority: String

    init(_ endpoint: Endpoint) throws {
        authority = endpoint.authority
        socket = try StreamSocket(connectingTo: endpoint.address)
        poller = try Poller()
        window = try Slab(byteCount: 16 * 1024, zeroed: true)
        try poller.add(socket.descriptor, token: 0)
    }

    /// Sends a whole request, head and body, and receives the answer's body to the start of
    /// `answer`.
    ///
    /// - Throws: when the peer leaves, or the body does not fit.
    func perform(_ request: Slab, answer: UnsafeMutableRawBufferPointer) throws -> AnswerHead {
        var sent = 0
        while sent < request.byteCount {
            let rest = UnsafeRawBufferPointer(rebasing: request.bytes[sent...])
            sent += try settle { socket.send(rest) }
        }
        var received = 0
        while true {
            received += try receive(into: .init(rebasing: window.bytes[received...]))
            let bytes = UnsafeRawBufferPointer(rebasing: window.bytes[..<received])
            guard let found = try AnswerHead(bytes) else {
                guard received < window.byteCount else { throw failure("the head is too long") }
                continue
            }
            guard found.bodyBytes <= answer.count else { throw failure("the body is too long") }
            let early = bytes[found.headBytes...]
            guard early.count <= found.bodyBytes else { throw failure("bytes follow the answer") }
            answer.copyBytes(from: early)
            try fill(.init(rebasing: answer[early.count..<found.bodyBytes]))
            return found
        }
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer) throws {
        var filled = 0
        while filled < buffer.count {
            filled += try receive(into: .init(rebasing: buffer[filled...]))
        }
    }

    private func receive(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try settle { socket.receive(into: buffer) }
    }

    /// Tries until bytes have moved. Every new readiness ends the wait, so none can be missed.
    private func settle(_ transfer: () -> IOResult) throws -> Int {
        while true {
            switch transfer() {
            case .bytes(let count): return count
            case .endOfStream: throw failure("closed the connection")
            case .failed(let error): throw failure(error.description)
            case .wouldBlock:
                let events = try poller.wait(milliseconds: 60_000) { _ in }
                guard events > 0 else { throw failure("nothing happens for 60 s") }
            }
        }
    }

    private func failure(_ reason: String) -> LoadFailure {
        LoadFailure(description: "\(authority): \(reason)")
    }
}
