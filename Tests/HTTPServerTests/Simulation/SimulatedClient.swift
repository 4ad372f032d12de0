import SeededChance

@testable import HTTPServer

/// One peer: what it will send, how much of it has gone, and what it was answered.
final class SimulatedClient {
    struct Request: CustomStringConvertible {
        let number: String
        let kind: String
        let body: [UInt8]
        /// Where the body begins in what the client sends, if it waits for `100 (Continue)` there.
        let awaits: Int?
        var description: String { "/\(kind)/\(number) of \(body.count) bytes" }
    }

    struct Answer {
        let status: Int
        let firstLine: String
        let closes: Bool
    }

    let wire: SimulatedWire
    private(set) var requests: [Request] = []
    private(set) var answers: [Answer] = []
    private(set) var interim = 0
    /// Of each request whose head the server has decided on: what it had taken by then.
    private var takenWhenDecided: [Int] = []
    private var lastContinued: Int?
    /// Answers that the simulation has looked at.
    var checked = 0
    /// Of an answer, in the bytes that came: a sentence.
    private(set) var fault: String?
    /// It broke off, so that nothing is owed to it any more.
    private(set) var hasGivenUp = false

    /// Bodies are cut out of this: made once, because making them took half of the time.
    private static let pattern = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    private var script: [UInt8] = []
    private var sent = 0
    /// Places in the script where `100 (Continue)` is waited for, and the answers that there were.
    private var barriers: [Int] = []
    private var received: [UInt8] = []

    init(wire: SimulatedWire, firstNumber: Int, dice: inout SplitMix) {
        self.wire = wire
        for offset in 0..<Int.random(in: 1...5, using: &dice) {
            add("\(firstNumber + offset)", &dice)
        }
    }

    private func add(_ number: String, _ dice: inout SplitMix) {
        let kinds = ["now", "later", "body", "body", "body", "refuse", "drop"]
        let kind = kinds.randomElement(using: &dice) ?? "now"
        let sizes = [0, 1, 100, 5000, 30_000, 300_000, 600_000]
        let count = kind == "later" || kind == "drop" ? 0 : sizes.randomElement(using: &dice) ?? 0
        let start = Int.random(in: 0..<256, using: &dice)
        let body = Array(Self.pattern[start..<start + count])
        let isChunked = Bool.random(using: &dice)
        let waits = count > 0 && Int.random(in: 0..<3, using: &dice) == 0
        var head = "POST /\(kind)/\(number) HTTP/1.1\r\nHost: simulated\r\n"
        head += isChunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: \(count)\r\n"
        if waits { head += "Expect: 100-continue\r\n" }
        if Int.random(in: 0..<10, using: &dice) == 0 { head += "Connection: close\r\n" }
        script += Array("\(head)\r\n".utf8)
        if waits { barriers.append(script.count) }
        script += isChunked ? Self.chunked(body, &dice) : body
        requests.append(
            Request(number: number, kind: kind, body: body, awaits: waits ? barriers.last : nil))
    }

    private static func chunked(_ body: [UInt8], _ dice: inout SplitMix) -> [UInt8] {
        var bytes: [UInt8] = []
        var start = 0
        while start < body.count {
            let count = Int.random(in: 1...max(1, body.count - start), using: &dice)
            bytes += Array("\(String(count, radix: 16))\r\n".utf8)
            bytes += body[start..<start + count] + Array("\r\n".utf8)
            start += count
        }
        return bytes + Array("0\r\n\r\n".utf8)
    }

    var hasSentAll: Bool { sent == script.count }

    /// Sends up to `count` bytes; waits at a barrier unless it is impatient, as when the head and
    /// the body go in one piece.
    func send(_ count: Int, isImpatient: Bool) {
        guard !wire.clientHasEnded, !wire.isReset else { return }
        if isImpatient { barriers.removeAll { $0 <= sent + count } }
        let end = min(script.count, sent + count, barriers.first ?? .max)
        wire.arrive(script[sent..<end])
        sent = end
    }

    func take(_ count: Int) {
        received += wire.take(count)
        while parseOne() {}
    }

    func giveUp(byReset: Bool) {
        hasGivenUp = true
        if byReset { wire.reset() } else { wire.endSending() }
    }

    func headIsDecided() { takenWhenDecided.append(wire.takenByServer) }

    /// `100 (Continue)` comes once, to whom it was promised, and not when the server had some of
    /// the body already (RFC 9110 §10.1.1).
    private func checkContinue() {
        let index = answers.count
        guard index < takenWhenDecided.count, let bodyStart = requests[index].awaits,
            lastContinued != index
        else {
            fault = "100 that nobody waits for"
            return
        }
        lastContinued = index
        if takenWhenDecided[index] > bodyStart { fault = "100 after the body has begun" }
    }

    private func parseOne() -> Bool {
        guard fault == nil, let end = Self.headEnd(received) else { return false }
        let lines = String(decoding: received[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            fault = "no status line: \(lines.first ?? "")"
            return false
        }
        if status == 100 {
            interim += 1
            checkContinue()
            if !barriers.isEmpty { barriers.removeFirst() }
            received.removeFirst(end + 4)
            return true
        }
        let length = lines.first { $0.hasPrefix("Content-Length: ") }
            .flatMap { Int($0.dropFirst(16)) }
        guard let length else {
            fault = "no Content-Length"
            return false
        }
        guard received.count >= end + 4 + length else { return false }
        let body = received[(end + 4)..<(end + 4 + length)]
        let line = String(decoding: body.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        answers.append(
            Answer(status: status, firstLine: line, closes: lines.contains("Connection: close")))
        received.removeFirst(end + 4 + length)
        // A final answer instead of 100: the body is not wanted, or was sent already.
        barriers.removeAll { $0 <= sent }
        return true
    }

    private static func headEnd(_ bytes: [UInt8]) -> Int? {
        let mark = Array("\r\n\r\n".utf8)
        guard bytes.count >= 4 else { return nil }
        return (0...(bytes.count - 4)).first { bytes[$0..<$0 + 4].elementsEqual(mark) }
    }
}
