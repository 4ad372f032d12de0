@testable import HTTP1

/// A peer's bytes in some number of pieces, to the events of the corpus: the parser, the framing
/// and the chunked decoder driven as a server drives them.
struct Replay {
    private(set) var events: [String] = []
    private var window: [UInt8] = []
    private var parser: RequestParser
    private var stage = Stage.head
    private var data: [UInt8] = []
    private let limits: HTTPLimits

    private enum Stage {
        case head
        case length(UInt64)
        case chunked(ChunkedDecoder)
        case refused
    }

    init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
        parser = RequestParser(limits: limits)
    }

    static func events(of pieces: some Sequence<some Sequence<UInt8>>) -> [String] {
        var replay = Replay()
        for piece in pieces { replay.receive(piece) }
        return replay.finish()
    }

    static func byteByByte(_ input: [UInt8]) -> [String] {
        events(of: input.map { CollectionOfOne($0) })
    }

    mutating func receive(_ piece: some Sequence<UInt8>) {
        window.append(contentsOf: piece)
        do {
            while try step() {}
        } catch {
            flushData()
            events.append("error \(error.status.code) \(error.code.rawValue)")
            stage = .refused
        }
    }

    mutating func finish() -> [String] {
        flushData()
        switch stage {
        case .refused: break
        case .head where window.isEmpty: events.append("idle")
        default: events.append("more")
        }
        return events
    }

    /// One advance; false when more input is needed.
    private mutating func step() throws(ProtocolError) -> Bool {
        switch stage {
        case .refused: return false
        case .head:
            let received = window
            guard case .head(let head, let count) = try parser.parse(received.span) else {
                return false
            }
            window.removeFirst(count)
            begin(head)
        case .length(0): endBody()
        case .length(let left):
            let count = Int(min(left, UInt64(window.count)))
            if count == 0 { return false }
            takeData(count)
            stage = .length(left - UInt64(count))
        case .chunked(var decoder):
            if decoder.isComplete {
                endBody()
                return true
            }
            if window.isEmpty { return false }
            if decoder.dataBytesAhead > 0 {
                let count = Int(min(decoder.dataBytesAhead, UInt64(window.count)))
                takeData(count)
                decoder.tookData(count)
            } else {
                let received = window
                window.removeFirst(try decoder.readFraming(received.span))
            }
            stage = .chunked(decoder)
        }
        return true
    }

    private mutating func begin(_ head: RequestHead) {
        let target = head.path + (head.query.map { "?" + $0 } ?? "")
        let version = head.version == .http10 ? "1.0" : "1.1"
        let framing: String
        switch head.framing {
        case .none:
            framing = "none"
        case .length(let length):
            framing = "length \(length)"
            stage = .length(length)
        case .chunked:
            framing = "chunked"
            stage = .chunked(ChunkedDecoder(limits: limits))
        }
        let keep = head.keepsAlive ? "keep" : "close"
        let waits = head.expectsContinue ? " continue" : ""
        events.append("head \(head.method.name) \(target) \(version) \(framing) \(keep)\(waits)")
        for line in head.fields.lines {
            let name = visible(head.fields.bytes[line.name])
            guard name.hasPrefix("X-") else { continue }
            let value = visible(head.fields.bytes[line.value])
            events.append("field \(name):" + (value.isEmpty ? "" : " " + value))
        }
    }

    private mutating func takeData(_ count: Int) {
        data.append(contentsOf: window.prefix(count))
        window.removeFirst(count)
    }

    private mutating func flushData() {
        if !data.isEmpty { events.append("data " + visible(data)) }
        data = []
    }

    private mutating func endBody() {
        flushData()
        events.append("end")
        stage = .head
    }
}
