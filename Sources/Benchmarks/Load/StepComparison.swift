import SystemIO

/// The time of one raw F32 step, from the first byte sent to the last one received: the service
/// and the floor server in turn, with the same gradients.
struct StepComparison {
    private let options: StepOptions
    private static let warmUps = 5
    private static let goal = 1.3

    init(_ options: StepOptions) {
        self.options = options
    }

    func run() throws {
        let session = "/v1/sessions/load-benchmark-\(ProcessEnvironment.processIdentifier)"
        let service = try Stepper(options.service, path: session + "/steps", options.count)
        let floor = try Stepper(options.floor, path: options.floor.path, options.count)
        try createSession(at: session)
        var times = (service: [Double](), floor: [Double]())
        var sameBits = true
        for repetition in 0..<(Self.warmUps + options.repetitions) {
            // Taking turns at being first keeps what one leaves in the caches from favouring one.
            let first = repetition.isMultiple(of: 2)
            let early = first ? try service.step() : try floor.step()
            let late = first ? try floor.step() : try service.step()
            if repetition >= Self.warmUps {
                times.service.append(first ? early : late)
                times.floor.append(first ? late : early)
            }
            sameBits = sameBits && service.answer.elementsEqual(floor.answer)
        }
        try removeSession(at: session)
        report(Quartiles(times.service), Quartiles(times.floor), sameBits)
    }

    /// A session of one parameter vector that is all zero, as the floor server starts with.
    private func createSession(at path: String) throws {
        let header = """
            {"__metadata__":{"session":"{\\"durability\\":\\"none\\"}"},\
            "w":{"dtype":"F32","shape":[\(options.count)],"data_offsets":[0,\(options.count * 4)]}}
            """
        let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let request = try options.service.request(
            "PUT", path, type: "application/safetensors",
            bodyBytes: 8 + padded.utf8.count + options.count * 4
        ) { body in
            body.storeBytes(of: UInt64(padded.utf8.count).littleEndian, as: UInt64.self)
            UnsafeMutableRawBufferPointer(rebasing: body[8...]).copyBytes(from: padded.utf8)
        }
        try administer(request, expect: 201)
    }

    private func removeSession(at path: String) throws {
        try administer(try options.service.request("DELETE", path), expect: 204)
    }

    private func administer(_ request: Slab, expect status: Int) throws {
        let room = try Slab(byteCount: 1 << 20)
        let answer = try Exchange(options.service).perform(request, answer: room.bytes)
        guard answer.status == status else { throw Refusal.of(answer, room) }
    }

    private func report(_ service: Quartiles, _ floor: Quartiles, _ sameBits: Bool) {
        let bytes = options.count * 4
        print("raw F32 step, n = \(options.count), \(bytes) bytes each way,", terminator: " ")
        print("\(options.repetitions) repetitions in turn")
        print("  service  \(service.line(unit: "ms", scale: 1e3, digits: 3))")
        print("  floor    \(floor.line(unit: "ms", scale: 1e3, digits: 3))")
        print("  answers  \(sameBits ? "the same bits" : "DIFFERENT BITS")")
        let ratio = decimal(service.median / floor.median, digits: 3)
        print("  ratio    \(ratio) times the floor's time (goal: at most \(Self.goal))")
    }
}

/// One server that is stepped again and again over one connection.
private struct Stepper {
    private let exchange: Exchange
    private let request: Slab
    private let room: Slab
    /// The parameters of the last answer.
    let answer: UnsafeRawBufferPointer

    init(_ endpoint: Endpoint, path: String, _ count: Int) throws {
        exchange = try Exchange(endpoint)
        request = try endpoint.request(
            "POST", path, type: "application/octet-stream", bodyBytes: count * 4,
            fill: Self.fillWithGradients)
        room = try Slab(byteCount: max(count * 4, 64 * 1024), zeroed: true)
        answer = UnsafeRawBufferPointer(rebasing: room.bytes[..<(count * 4)])
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

private enum Refusal {
    static func of(_ head: AnswerHead, _ room: Slab) -> LoadFailure {
        let text = String(decoding: room.bytes[..<min(head.bodyBytes, 1000)], as: UTF8.self)
        return LoadFailure(description: "unexpected answer \(head.status) \(text)")
    }
}
