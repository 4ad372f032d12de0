import SystemIO

/// One server that is stepped again and again over one connection.
struct Stepper {
    private let exchange: Exchange
    private let request: Request
    /// The parameters of the last answer.
    let answer: UnsafeRawBufferPointer

    init(_ endpoint: Endpoint, path: String, _ count: Int) throws {
        let room = try Slab(byteCount: count * 4, zeroed: true)
        exchange = try Exchange(endpoint, room: room)
        request = try endpoint.step(at: path, body: StepFormat.raw.body(count: count))
        answer = UnsafeRawBufferPointer(room.bytes)
    }

    /// Takes one step.
    ///
    /// - Returns: the seconds it took.
    func step() throws -> Double {
        let (head, seconds) = try exchange.timed(request)
        guard head.bodyBytes == answer.count else {
            throw LoadFailure(description: "unexpected answer of \(head.bodyBytes) bytes")
        }
        return seconds
    }
}

extension Endpoint {
    /// A step of the session whose steps are at `path`.
    func step(
        at path: String, _ format: StepFormat = .raw, body: Slab, isLast: Bool = false
    ) throws -> Request {
        try request("POST", path, type: format.mediaType, body: body, isLast: isLast)
    }
}
