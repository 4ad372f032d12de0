import HTTP1
import SystemIO
import Testing

@testable import HTTPServer

/// A coded body driven as a connection drives it, and what became of it.
struct Upload {
    enum Outcome: Equatable {
        case body([UInt8])
        /// By the coding.
        case faulty(InflationFault)
        /// By the receiver behind it.
        case refused
    }

    let pool = SlabPool(limitBytes: 1 << 20, idleBytes: 0)
    var coding = ContentCoding.gzip
    var bounds = InflatingBody.Bounds(compressedBytes: 1 << 20, freeBytes: 1 << 30, ratio: 1)
    /// Where the body is cut when it is received; without, only by the window.
    var cuts: [Int] = []
    /// Called after each piece of work.
    var observe: () -> Void = {}

    func send(_ bytes: [UInt8], to receiver: RecordingReceiver) throws -> Outcome {
        var fault: InflationFault?
        let body = try InflatingBody(receiver, coding, bounds: bounds, pool: pool) {
            fault = $0
            return Response(status: .badRequest)
        }
        let recipient = RecordingRecipient()
        if receive(bytes, body) {
            body.complete(recipient.responder())
            _ = recipient.runAll()
            #expect(recipient.replies.count == 1)
        }
        #expect(receiver.ends.count == 1, "ended by \(receiver.ends)")
        if let fault {
            #expect(receiver.ends == ["cancelled"])
            return .faulty(fault)
        }
        return receiver.ends == ["complete"] ? .body(receiver.body) : .refused
    }

    /// - Returns: whether all was received without a refusal.
    func receive(_ bytes: [UInt8], _ body: InflatingBody) -> Bool {
        var start = 0
        while start < bytes.count {
            if body.hasBacklog {
                if body.workOff() != nil { return false }
                observe()
                continue
            }
            let room = body.nextBuffer()
            guard !room.isEmpty else {
                _ = body.overflowed()
                return false
            }
            let end = cuts.first { $0 > start } ?? bytes.count
            let count = min(end - start, room.count)
            room.copyBytes(from: bytes[start..<start + count])
            start += count
            if body.received(count) != nil { return false }
        }
        return true
    }
}

@Suite("A coded body") struct InflatingBodyTests {
    static let samples: [(ContentCoding, [UInt8])] = [
        (.gzip, CodingSamples.gzip), (.gzip, CodingSamples.fullGzip),
        (.deflate, CodingSamples.zlib),
    ]

    @Test(arguments: samples)
    func isWhatItWasHoweverItIsCut(coding: ContentCoding, bytes: [UInt8]) throws {
        var upload = Upload(coding: coding)
        let bytewise = Array(1..<bytes.count)
        for cuts in [[], bytewise] + bytewise.map({ [$0] }) {
            upload.cuts = cuts
            for size in [1, 2, 79, 80, 81] {
                let outcome = try upload.send(bytes, to: RecordingReceiver(bufferBytes: size))
                #expect(outcome == .body(CodingSamples.text), "cut at \(cuts)")
            }
        }
        #expect(upload.pool.inUseBytes == 0)
    }

    @Test(arguments: ContentCoding.allCases)
    func isInflatedOverManyWindows(coding: ContentCoding) throws {
        let text = CodingSamples.numbers(50_000)
        let bytes = try CodingSamples.compress(text, coding)
        #expect(bytes.count > 8 * InflatingBody.windowBytes)
        let receiver = RecordingReceiver(bufferBytes: 1000)
        #expect(try Upload(coding: coding).send(bytes, to: receiver) == .body(text))
    }

    @Test(arguments: ContentCoding.allCases)
    func mayStandForNothing(coding: ContentCoding) throws {
        let bytes = try CodingSamples.compress([], coding)
        let none = RecordingReceiver(limit: 0)
        #expect(try Upload(coding: coding).send(bytes, to: none) == .body([]))
    }

    @Test(arguments: samples)
    func isRefusedWhereverItIsCutShort(coding: ContentCoding, bytes: [UInt8]) throws {
        for count in 0..<bytes.count {
            for cuts in [[], [count / 2]] {
                let outcome = try Upload(coding: coding, cuts: cuts).send(
                    Array(bytes[..<count]), to: RecordingReceiver())
                #expect(outcome == .faulty(.truncated), "\(count) bytes")
            }
        }
    }

    /// Of a changed bit in gzip's time or the name of its system nobody knows.
    @Test(arguments: samples)
    func neverMeansSomethingElse(coding: ContentCoding, bytes: [UInt8]) throws {
        var refusals = 0
        for bit in 0..<8 * bytes.count {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            switch try Upload(coding: coding).send(changed, to: RecordingReceiver()) {
            case .body(let body): #expect(body == CodingSamples.text, "bit \(bit)")
            case .faulty: refusals += 1
            case .refused: Issue.record("refused by a receiver that takes all")
            }
        }
        #expect(refusals > 7 * bytes.count)
        // With its own checksum a header is as safe as the rest, and so is zlib's short one. The
        // last byte of the deflate data has six bits that mean nothing.
        if bytes != CodingSamples.gzip { #expect(refusals == 8 * bytes.count - 6) }
    }

    /// The same of blocks with codes of their own, changed in a few places and cut anywhere.
    @Test(arguments: ContentCoding.allCases)
    func neverMeansSomethingElseBySeed(coding: ContentCoding) throws {
        let text = CodingSamples.numbers(2000)
        let bytes = try CodingSamples.compress(text, coding)
        var seed = Seed(state: 42)
        for round in 0..<500 {
            var changed = bytes
            for _ in 0..<Int.random(in: 0...2, using: &seed) {
                let place = Int.random(in: 0..<bytes.count, using: &seed)
                changed[place] = .random(in: 0...255, using: &seed)
            }
            let cuts = (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &seed) }.sorted()
            let outcome = try Upload(coding: coding, cuts: cuts).send(
                changed, to: RecordingReceiver(bufferBytes: .random(in: 1...9000, using: &seed)))
            if case .body(let body) = outcome { #expect(body == text, "round \(round)") }
            if changed == bytes { #expect(outcome == .body(text), "round \(round)") }
        }
    }

    @Test(arguments: samples)
    func endsWithItsStream(coding: ContentCoding, bytes: [UInt8]) throws {
        for surplus in [[0], bytes, Array(repeating: 0, count: 40_000)] {
            for cuts in [[], [bytes.count], [bytes.count - 1], Array(1...bytes.count)] {
                let outcome = try Upload(coding: coding, cuts: cuts).send(
                    bytes + surplus, to: RecordingReceiver())
                #expect(outcome == .faulty(.trailingBytes(offset: bytes.count)))
            }
        }
    }

    @Test func saysWhatIsWrong() throws {
        func fault(_ bytes: [UInt8], _ coding: ContentCoding) throws -> String {
            "\(try Upload(coding: coding).send(bytes, to: RecordingReceiver()))"
        }
        #expect(try fault(CodingSamples.text, .gzip).contains("incorrect header check"))
        #expect(try fault(CodingSamples.zlib, .gzip).contains("incorrect header check"))
        #expect(try fault(CodingSamples.bare, .deflate).contains("RFC 1950"))
        #expect(try fault(CodingSamples.gzip, .deflate).contains("RFC 1950"))
        #expect(try fault(CodingSamples.withDictionary, .deflate).contains("dictionary"))
        var bytes = CodingSamples.gzip
        bytes[bytes.count - 1] ^= 1
        #expect(try fault(bytes, .gzip).contains("incorrect length check"))
        bytes[bytes.count - 5] ^= 1
        #expect(try fault(bytes, .gzip).contains("incorrect data check"))
    }
}

/// Numbers that are the same in every run.
private struct Seed: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

@Suite("The receiver of a coded body") struct InflatedReceiverTests {
    static let samples = InflatingBodyTests.samples

    @Test(arguments: samples)
    func mayRefuseAtAnyPoint(coding: ContentCoding, bytes: [UInt8]) throws {
        let upload = Upload(coding: coding)
        for count in 1...CodingSamples.text.count {
            let receiver = RecordingReceiver(bufferBytes: 1, refuseAt: count)
            #expect(try upload.send(bytes, to: receiver) == .refused)
            #expect(receiver.body == Array(CodingSamples.text[..<count]))
        }
        #expect(upload.pool.inUseBytes == 0)
    }

    @Test(arguments: samples)
    func isAskedWhenItHasNoRoom(coding: ContentCoding, bytes: [UInt8]) throws {
        for limit in 0...CodingSamples.text.count + 1 {
            for cuts in [[], Array(1..<bytes.count)] {
                let receiver = RecordingReceiver(bufferBytes: 100, limit: limit)
                let outcome = try Upload(coding: coding, cuts: cuts).send(bytes, to: receiver)
                let fits = limit >= CodingSamples.text.count
                #expect(outcome == (fits ? .body(CodingSamples.text) : .refused))
                #expect(receiver.ends == [fits ? "complete" : "overflowed"])
            }
        }
    }

    @Test(arguments: samples)
    func hearsOfACancelledBody(coding: ContentCoding, bytes: [UInt8]) throws {
        for count in 0..<bytes.count {
            let upload = Upload(coding: coding)
            let receiver = RecordingReceiver()
            do {
                let body = try InflatingBody(
                    receiver, coding, bounds: upload.bounds, pool: upload.pool
                ) { _ in Response(status: .badRequest) }
                #expect(upload.receive(Array(bytes[..<count]), body))
                #expect(upload.pool.inUseBytes >= InflatingBody.memoryBytes)
                body.cancelled()
            }
            #expect(receiver.ends == ["cancelled"])
            #expect(upload.pool.inUseBytes == 0)
        }
    }
}

@Suite("A coded body is bounded") struct InflationBoundTests {
    static let zeros = [UInt8](repeating: 0, count: 10 << 20)

    @Test func byTheRatioBeyondWhatIsFree() throws {
        let bomb = try CodingSamples.compress(Self.zeros)
        #expect(bomb.count < 64 << 10)
        var upload = Upload()
        upload.bounds = .init(compressedBytes: 1 << 20, freeBytes: 1 << 20, ratio: 200)
        let receiver = RecordingReceiver(bufferBytes: 100_000)
        #expect(try upload.send(bomb, to: receiver) == .faulty(.beyondRatio(limit: 200)))
        let most = max(1 << 20, 200 * bomb.count)
        #expect(receiver.body.count <= most)
        // The same zeros where so many are expected.
        upload.bounds.freeBytes = Self.zeros.count
        let open = RecordingReceiver(bufferBytes: 100_000)
        #expect(try upload.send(bomb, to: open) == .body(Self.zeros))
        upload.bounds.freeBytes -= 1
        let narrow = RecordingReceiver(bufferBytes: 100_000)
        #expect(try upload.send(bomb, to: narrow) == .faulty(.beyondRatio(limit: 200)))
    }

    @Test func byItsLengthBeforeItIsInflated() throws {
        for limit in 0..<CodingSamples.gzip.count {
            var upload = Upload()
            upload.bounds.compressedBytes = limit
            let outcome = try upload.send(CodingSamples.gzip, to: RecordingReceiver())
            #expect(outcome == .faulty(.tooLong(limit: limit)))
        }
        var upload = Upload()
        upload.bounds.compressedBytes = CodingSamples.gzip.count
        let outcome = try upload.send(CodingSamples.gzip, to: RecordingReceiver())
        #expect(outcome == .body(CodingSamples.text))
    }

    @Test func inWhatIsDoneAtATime() throws {
        let bomb = try CodingSamples.compress(Self.zeros)
        let receiver = RecordingReceiver(bufferBytes: 1 << 20)
        var upload = Upload()
        var before = 0
        var pieces = 0
        upload.observe = {
            #expect(receiver.body.count - before <= InflatingBody.pieceBytes)
            before = receiver.body.count
            pieces += 1
        }
        #expect(try upload.send(bomb, to: receiver) == .body(Self.zeros))
        #expect(pieces > 0)
    }

    /// The last window holds most of the body, and nothing more comes that would drive it.
    @Test func whenItsLastBytesAreWorthMost() throws {
        let bomb = try CodingSamples.compress(Self.zeros)
        let receiver = RecordingReceiver(bufferBytes: 1 << 20)
        let upload = Upload()
        let body = try InflatingBody(receiver, .gzip, bounds: upload.bounds, pool: upload.pool) {
            _ in Response(status: .badRequest)
        }
        #expect(upload.receive(bomb, body))
        let recipient = RecordingRecipient()
        let begun = receiver.body.count
        body.complete(recipient.responder())
        #expect(receiver.body.count - begun <= InflatingBody.pieceBytes)
        #expect(recipient.replies.isEmpty)
        let pieces = recipient.runAll()
        #expect(pieces >= (Self.zeros.count - begun) / InflatingBody.pieceBytes - 1)
        #expect(recipient.statuses == [.ok])
        #expect(receiver.body == Self.zeros)
        #expect(receiver.ends == ["complete"])
    }

    @Test func byTheMemoryThatThereIs() throws {
        let pool = SlabPool(limitBytes: InflatingBody.memoryBytes - 1, idleBytes: 0)
        #expect(throws: SlabPoolError.self) {
            _ = try InflatingBody(
                RecordingReceiver(), .gzip, bounds: Upload().bounds, pool: pool
            ) { _ in Response(status: .badRequest) }
        }
        #expect(pool.inUseBytes == 0)
    }
}
