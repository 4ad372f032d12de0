import HTTP1
import SeededChance
import SystemIO

@testable import HTTPServer

/// Serves what a request's path asks for, and keeps responders until the simulation lets one go.
///
/// `/now/N`: answers from the head. `/later/N`: wants no body. `/body/N`: wants the body.
/// `/refuse/N`: wants it and refuses the second piece. `/drop/N`: lets go of the responder.
/// N, in decimal digits, comes back as the first line of the answer.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class SimulatedHandler: RequestHandler, @unchecked Sendable {
    private(set) var waiting: [() -> Void] = []
    private(set) var receivers: [SimulatedReceiver] = []
    /// Is told the number of each request whose head comes to be decided on.
    var onDecision: (String) -> Void = { _ in }
    private var dice: SplitMix

    init(dice: SplitMix) { self.dice = dice }

    func decide(_ head: RequestHead, _ context: RequestContext) -> Decision {
        let parts = head.path.split(separator: "/")
        guard parts.count == 2 else { return .respond(Response(status: .notFound)) }
        let number = String(parts[1])
        onDecision(number)
        switch parts[0] {
        case "now": return .respond(answer(number))
        case "later": return .perform { responder in self.keep(responder, number) }
        case "drop": return .perform { responder in self.drop(responder) }
        default:
            let isLarge = Int.random(in: 0..<4, using: &dice) == 0
            let receiver = SimulatedReceiver(
                number: number,
                bufferBytes: isLarge ? 1 << 20 : Int.random(in: 1...5000, using: &dice),
                refusesAt: parts[0] == "refuse" ? 2 : .max, refusal: answer(number)
            ) { [unowned self] responder in self.keep(responder, number) }
            receivers.append(receiver)
            return .receive(receiver)
        }
    }

    private func keep(_ responder: Responder, _ number: String) {
        let response = answer(number)
        if Bool.random(using: &dice) { return responder.send(response) }
        waiting.append { responder.send(response) }
    }

    private func drop(_ responder: Responder) {
        if Bool.random(using: &dice) { waiting.append { _ = responder } }
    }

    /// One of those that wait, in any order.
    func completeOne() {
        guard let index = waiting.indices.randomElement(using: &dice) else { return }
        waiting.remove(at: index)()
    }

    private func answer(_ number: String) -> Response {
        let isLarge = Int.random(in: 0..<40, using: &dice) == 0
        let padding = isLarge ? 3_000_000 : [0, 10, 3000, 40_000].randomElement(using: &dice) ?? 0
        let line = Array("\(number)\n".utf8)
        let body = ResponseBody(parts: [
            .bytes(line), .bytes([UInt8](repeating: UInt8(ascii: "."), count: padding)),
        ])
        return Response(
            status: .ok, body: body, closesConnection: Int.random(in: 0..<12, using: &dice) == 0)
    }

    func response(for error: ProtocolError, _ context: RequestContext) -> Response {
        Response(status: error.status, body: .bytes(Array("error\n".utf8)))
    }

    func response(for refusal: ServerRefusal, _ context: RequestContext) -> Response {
        let status: Status =
            refusal == .draining
            ? .serviceUnavailable
            : refusal == .responderDropped ? .internalServerError : .requestTimeout
        return Response(status: status, body: .bytes(Array("\(refusal.rawValue)\n".utf8)))
    }
}

/// Notes everything that is done to it, so that what may not happen is seen.
final class SimulatedReceiver: BodyReceiver {
    enum End: Equatable { case complete, cancelled, refused, overflowed }

    let number: String
    private(set) var body: [UInt8] = []
    private(set) var ends: [End] = []
    private(set) var callsAfterEnd = 0
    private var pieces = 0
    private let refusesAt: Int
    private let refusal: Response
    private let onComplete: (Responder) -> Void
    private let buffer: UnsafeMutableRawBufferPointer

    init(
        number: String, bufferBytes: Int, refusesAt: Int, refusal: Response,
        onComplete: @escaping (Responder) -> Void
    ) {
        self.number = number
        buffer = .allocate(byteCount: bufferBytes, alignment: 64)
        self.refusesAt = refusesAt
        self.refusal = refusal
        self.onComplete = onComplete
    }

    deinit { buffer.deallocate() }

    private func called() { if !ends.isEmpty { callsAfterEnd += 1 } }

    func nextBuffer() -> UnsafeMutableRawBufferPointer {
        called()
        return buffer
    }

    func received(_ count: Int) -> Response? {
        called()
        body.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        pieces += 1
        guard pieces >= refusesAt else { return nil }
        ends.append(.refused)
        return refusal
    }

    func overflowed() -> Response {
        called()
        ends.append(.overflowed)
        return refusal
    }

    func complete(_ responder: Responder) {
        called()
        ends.append(.complete)
        onComplete(responder)
    }

    func cancelled() {
        called()
        ends.append(.cancelled)
    }
}
