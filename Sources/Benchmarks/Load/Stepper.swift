import SystemIO

/// One server that is stepped again and again over one connection.
struct Stepper {
    private let exchange: Exchange
    private let request: Slab
    private let room: Slab
    /// The parameters of the last answer.
    let answer: UnsafeRawBufferPointer

    init(_ endpoint: Endpoint, path: String, _ count: Int) throws {
        exchange = try Exchange(endpoint)
        request = try Self.request(endpoint, path: path, count)
        room = try Slab(byteCount: max(count * 4, 64 * 1024), zeroed: true)
        answer = UnsafeRawBufferPointer(rebasing: room.bytes[..<(count * 4)])
    }

    static func request(_ endpoint: Endpoint, path: String, _ count: Int) throws -> Slab {
        try endpoint.request(
            "POST", path, type: "application/octet-stream", bodyBytes: count * 4,
            fill: fillWithGradients)
    }

    /// Numbers between −1 and 1 that follow no pattern and are the same in every run.
    private static func fillWithGradients(_ body: UnsafeMutableRawBufferPointer) {
        var state: UInt64 = 1
        for offset in stride(from: 0, to: body.count, by: 4) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = Float(Int32(truncatingIfNeeded: state >> 32)) / 0x1p31
            body.storeBytes(of: value, toByteOffset: offset, as: Float.self)
        }
    }

    /// Takes one step.
    ///
    /// - Returns: the seconds it took.
    func step() throws -> Double {
        let start = MonotonicClock.now()
        let head = try exchange.perform(request, answer: room.bytes)
        let end = MonotonicClock.now()
        guard head.status == 200, head.bodyBytes == answer.count else {
            throw Refusal.of(head, room)
        }
        return Double(end.nanoseconds - start.nanoseconds) / 1e9
    }
}

enum Refusal {
    static func of(_ head: AnswerHead, _ room: Slab) -> LoadFailure {
        let text = String(decoding: room.bytes[..<min(head.bodyBytes, 1000)], as: UTF8.self)
        return LoadFailure(description: "unexpected answer \(head.status) \(text)")
    }
}
