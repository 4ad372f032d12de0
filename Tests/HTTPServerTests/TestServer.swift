import Foundation
import HTTP1
import HTTPServer
import SystemIO

/// Something that happens on another thread and that a test waits for.
final class Journal: @unchecked Sendable {
    private let condition = NSCondition()
    private var lines: [String] = []

    func note(_ line: String) {
        condition.lock()
        lines.append(line)
        condition.broadcast()
        condition.unlock()
    }

    /// Waits until `line` has been noted `times` times; false when it never is.
    func wait(for line: String, times: Int = 1) -> Bool {
        let limit = Date(timeIntervalSinceNow: 20)
        condition.lock()
        defer { condition.unlock() }
        while lines.count(where: { $0 == line }) < times {
            guard condition.wait(until: limit) else { return false }
        }
        return true
    }

    /// Whether both have been noted, the one before the other.
    func isNoted(_ line: String, before other: String) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard let first = lines.firstIndex(of: line), let second = lines.firstIndex(of: other)
        else { return false }
        return first < second
    }

    func count(of line: String) -> Int {
        condition.lock()
        defer { condition.unlock() }
        return lines.count { $0 == line }
    }
}

/// Keeps responders until the test lets them go.
final class Waiting: @unchecked Sendable {
    private let lock = NSLock()
    private var responders: [Responder] = []

    func keep(_ responder: Responder) { lock.withLock { responders.append(responder) } }

    func take() -> Responder? {
        lock.withLock { responders.isEmpty ? nil : responders.removeFirst() }
    }
}

/// Collects a body in a small buffer, so that it comes in many pieces; refuses past a limit.
final class CollectingReceiver: BodyReceiver {
    private var buffer: UnsafeMutableRawBufferPointer
    private var body: [UInt8] = []
    private let limit: Int
    private let refuseAt: Int
    private let journal: Journal
    private let varies: Bool

    init(
        bufferBytes: Int, limit: Int, refuseAt: Int, journal: Journal, varies: Bool = false
    ) {
        self.varies = varies
        buffer = .allocate(byteCount: bufferBytes, alignment: 64)
        self.limit = limit
        self.refuseAt = refuseAt
        self.journal = journal
    }

    deinit { buffer.deallocate() }

    func nextBuffer() -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, limit - body.count)])
    }

    func received(_ count: Int) -> Response? {
        body += buffer[..<count]
        if body.count == count { journal.note("body began") }
        guard body.count >= refuseAt else { return nil }
        return Response(status: .unprocessableContent, body: .bytes(Array("refused".utf8)))
    }

    func overflowed() -> Response {
        Response(status: .contentTooLarge, body: .bytes(Array("overflow".utf8)))
    }

    func complete(_ responder: Responder) {
        journal.note("complete")
        responder.send(
            varies ? TestHandler.varying(body) : Response(status: .ok, body: .bytes(body)))
    }

    func cancelled() { journal.note("cancelled") }
}

struct TestHandler: RequestHandler {
    let journal: Journal
    let waiting = Waiting()
    let pool = SlabPool(limitBytes: 1 << 30, idleBytes: 0)

    func decide(_ head: RequestHead, _ context: RequestContext) -> Decision {
        let number = head.query.flatMap { Int($0) } ?? 0
        switch head.path {
        case "/hello": return .respond(Self.text("hello"))
        case "/later":
            return .perform { responder in
                DispatchQueue.global().async { responder.send(Self.text("later")) }
            }
        case "/alone":
            return .perform { $0.send(Self.text("\($0.isAlone)")) }
        case "/held":
            return .perform { responder in
                waiting.keep(responder)
                journal.note("held")
            }
        case "/twice":
            return .perform { responder in
                responder.send(Self.text("first"))
                responder.send(Self.text("second"))
            }
        case "/blocking":
            // Holds up the loop itself, so that a test can arrange what the loop finds next.
            journal.note("blocking")
            _ = journal.wait(for: "unblock")
            return .respond(Self.text("unblocked"))
        case "/dropped": return .perform { _ in }
        case "/echo": return receive(refuseAt: .max)
        case "/echo-bytewise": return receive(buffer: 1, refuseAt: .max)
        case "/small": return receive(limit: number, refuseAt: .max)
        case "/refuse-at": return receive(refuseAt: number)
        case "/refuse": return .respond(Response(status: .contentTooLarge))
        case "/close": return .respond(Self.text("bye", closes: true))
        case "/none": return .respond(Response(status: .noContent))
        case "/parts":
            let parts = (0..<number).map { part in
                BodyPart.bytes([UInt8](repeating: UInt8(part), count: 500))
            }
            return .respond(Response(status: .ok, body: ResponseBody(parts: parts)))
        case "/inflate", "/inflate-bytewise", "/text", "/binary": return coded(head, number)
        case "/big": return .respond(Self.big(number))
        default: return .respond(Response(status: .notFound))
        }
    }

    /// With content codings as a request's fields say.
    private func coded(_ head: RequestHead, _ number: Int) -> Decision {
        let decision: Decision
        switch head.path {
        case "/text": decision = .respond(Self.varying(CodingSamples.numbers(number)))
        case "/binary": decision = .respond(Response(status: .ok, body: .bytes(
            CodingSamples.numbers(number))))
        default: decision = inflate(head, buffer: head.path == "/inflate" ? 1000 : 1, number)
        }
        let choice = AcceptEncoding(head.fields.combined("Accept-Encoding") ?? "")?.choice
        let coder = ResponseCoder(head, choice ?? .identity, pool: pool) { work in
            DispatchQueue.global().async { work() }
        }
        return coder?.code(decision) ?? decision
    }

    private func inflate(_ head: RequestHead, buffer: Int, _ limit: Int) -> Decision {
        let receiver = CollectingReceiver(
            bufferBytes: buffer, limit: limit, refuseAt: .max, journal: journal, varies: true)
        let bounds = InflatingBody.Bounds(
            compressedBytes: 1 << 30, freeBytes: 1 << 30, ratio: 1)
        guard let text = head.fields.combined("Content-Encoding"),
            let coding = ContentCoding(name: text),
            let body = try? InflatingBody(receiver, coding, bounds: bounds, pool: pool, refusal: {
                Response(status: .badRequest, body: .bytes(Array("\($0)".utf8)))
            })
        else { return .respond(Response(status: .unsupportedMediaType)) }
        return .receive(body)
    }

    static func varying(_ text: [UInt8]) -> Response {
        var fields = ResponseFields()
        fields.add("Vary", "Accept-Encoding")
        fields.add("ETag", "\"1\"")
        return Response(status: .ok, fields: fields, body: .bytes(text))
    }

    private func receive(
        buffer: Int = 1000, limit: Int = 1 << 30, refuseAt: Int
    ) -> Decision {
        .receive(
            CollectingReceiver(
                bufferBytes: buffer, limit: limit, refuseAt: refuseAt, journal: journal))
    }

    static func text(_ text: String, closes: Bool = false) -> Response {
        Response(status: .ok, body: .bytes(Array(text.utf8)), closesConnection: closes)
    }

    /// `count` bytes from a slab between two small parts, byte i being i mod 251.
    static func big(_ count: Int) -> Response {
        guard let slab = try? Slab(byteCount: count) else {
            return Response(status: .internalServerError)
        }
        for index in 0..<count { slab.bytes[index] = UInt8(index % 251) }
        let parts: [BodyPart] = [
            .bytes([1, 2, 3]), .slab(slab, offset: 0, byteCount: count), .bytes([]),
            .bytes([4, 5, 6]),
        ]
        return Response(status: .ok, body: ResponseBody(parts: parts))
    }

    static func slab(_ bytes: [UInt8]) throws -> Slab {
        let slab = try Slab(byteCount: bytes.count)
        slab.bytes.copyBytes(from: bytes)
        return slab
    }

    static func bigBytes(_ count: Int) -> [UInt8] {
        [1, 2, 3] + (0..<count).map { UInt8($0 % 251) } + [4, 5, 6]
    }

    func response(for error: ProtocolError, _ context: RequestContext) -> Response {
        Response(status: error.status, body: .bytes(Array(error.code.rawValue.utf8)))
    }

    func response(for refusal: ServerRefusal, _ context: RequestContext) -> Response {
        let status: Status =
            switch refusal {
            case .headTooSlow, .bodyTooSlow: .requestTimeout
            case .draining: .serviceUnavailable
            case .responderDropped: .internalServerError
            }
        return Response(status: status, body: .bytes(Array(refusal.rawValue.utf8)))
    }
}

/// A server on a port of the kernel's choice, drained when the test lets go of it.
final class TestServer {
    let server: HTTPServer
    let port: UInt16
    let journal = Journal()
    let waiting: Waiting
    let pool: SlabPool

    init(_ configure: (inout ServerConfiguration) -> Void = { _ in }) throws {
        var configuration = ServerConfiguration()
        configuration.endpoints = [ListenEndpoint(.tcp(host: "127.0.0.1", port: 0))]
        configuration.loopCount = 2
        // Long enough for the slowest machine; tests of a deadline set their own.
        configuration.headDeadline = .seconds(120)
        configuration.bodyRateWindow = .seconds(120)
        configuration.writeProgressDeadline = .seconds(120)
        configuration.drainGrace = .milliseconds(200)
        configuration.drainDeadline = .milliseconds(600)
        configure(&configuration)
        let handler = TestHandler(journal: journal)
        waiting = handler.waiting
        pool = handler.pool
        server = HTTPServer(configuration: configuration, handler: handler) { [journal] event in
            journal.note(Self.line(event))
        }
        port = try server.start()[0].port
    }

    deinit {
        server.drain { _ in }
    }

    func client(receiveBuffer: Int32? = nil) throws -> RawClient {
        try RawClient(port: port, receiveBuffer: receiveBuffer)
    }

    func drain() -> DrainOutcome? {
        let done = DispatchSemaphore(value: 0)
        let outcome = Waited<DrainOutcome>()
        server.drain { result in
            outcome.set(result)
            done.signal()
        }
        guard done.wait(timeout: .now() + 20) == .success else { return nil }
        return outcome.value
    }

    private static func line(_ event: ServerEvent) -> String {
        switch event {
        case .requestFinished(let request):
            "\(request.method?.name ?? "-") \(request.path ?? "-") \(request.status.code)"
        case .connectionFailed(_, _, let reason):
            switch reason {
            case .system(let error): "failed \(error.name)"
            case .endedEarly: "ended early"
            case .timedOut: "timed out"
            case .tls(let reason): "TLS \(reason)"
            }
        case .acceptPaused(.connectionLimit): "paused at the limit"
        case .acceptPaused(.exhausted(let error)): "paused by \(error.name)"
        case .acceptResumed: "resumed"
        case .handshakeFailed: "handshake failed"
        }
    }
}

/// A value that another thread provides.
final class Waited<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var stored: Value?
    var value: Value? { lock.withLock { stored } }
    func set(_ value: Value) { lock.withLock { stored = value } }
}
