import Testing

@testable import HTTP1

@Suite("The connection machine")
struct ConnectionMachineTests {
    private static let get = Exchange(framing: .none, keepsAlive: true, expectsContinue: false)
    private static let closing = Exchange(framing: .none, keepsAlive: false, expectsContinue: false)

    private static func post(_ length: UInt64, waits: Bool = false) -> Exchange {
        Exchange(framing: .length(length), keepsAlive: true, expectsContinue: waits)
    }

    private static let chunked = Exchange(
        framing: .chunked, keepsAlive: true, expectsContinue: false)
    private static let fault = ProtocolError.malformed("")

    /// Gives the machine events one after the other and compares all its actions.
    private func check(
        _ events: [ConnectionEvent], _ expected: [[ConnectionAction]],
        _ end: ConnectionMachine.State, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var machine = ConnectionMachine()
        var actions: [[ConnectionAction]] = []
        for event in events {
            let step = machine.handle(event)
            actions.append([step.first, step.second].compactMap { $0 })
        }
        #expect(actions == expected, sourceLocation: sourceLocation)
        #expect(machine.state == end, sourceLocation: sourceLocation)
    }

    @Test("answers a request and goes on with the next")
    func keepAlive() {
        check(
            [
                .headBegan, .headParsed(Self.get), .bodyDeclined, .responseReady(closes: false),
                .responseWritten, .headParsed(Self.get), .responseReady(closes: false),
            ],
            [
                [], [.askHandler], [], [.sendResponse(keepsAlive: true)], [.readHead],
                [.askHandler], [.sendResponse(keepsAlive: true)],
            ],
            .sending(then: .nextHead))
    }

    @Test("closes after the answer when the client asked for it")
    func clientCloses() {
        check(
            [.headParsed(Self.closing), .responseReady(closes: false), .responseWritten],
            [[.askHandler], [.sendResponse(keepsAlive: false)], [.close]], .closed)
    }

    @Test("lingers when the handler closes on a client that may be sending more")
    func handlerCloses() {
        check(
            [
                .headParsed(Self.get), .responseReady(closes: true), .responseWritten,
                .deadlinePassed,
            ],
            [
                [.askHandler], [.sendResponse(keepsAlive: false)], [.halfCloseAndLinger], [.close],
            ], .closed)
    }

    @Test("receives a body of known length and says when it is whole")
    func body() {
        check(
            [
                .headParsed(Self.post(10)), .bodyWanted, .bodyReceived(4), .bodyReceived(6),
                .responseReady(closes: false), .responseWritten,
            ],
            [
                [.askHandler], [.readBody], [], [.completeBody], [.sendResponse(keepsAlive: true)],
                [.readHead],
            ], .idle)
    }

    @Test("takes a body of zero bytes as whole at once", arguments: [get, post(0)])
    func emptyBody(_ exchange: Exchange) {
        check(
            [.headParsed(exchange), .bodyWanted], [[.askHandler], [.completeBody]],
            .awaitingResponse(exchange, bodyIsRead: true))
    }

    @Test("learns from the decoder when a chunked body ends")
    func chunkedBody() {
        check(
            [.headParsed(Self.chunked), .bodyWanted, .bodyReceived(9), .chunkedBodyEnded],
            [[.askHandler], [.readBody], [], [.completeBody]],
            .awaitingResponse(Self.chunked, bodyIsRead: true))
    }

    @Test("sends 100 only when the body is wanted")
    func continues() {
        check(
            [.headParsed(Self.post(10, waits: true)), .bodyWanted],
            [[.askHandler], [.sendContinue, .readBody]],
            .receiving(Self.post(10, waits: true), unread: 10))
    }

    @Test("gives a waiting client the final answer instead, and closes")
    func refusesWaitingClient() {
        check(
            [
                .headParsed(Self.post(10, waits: true)), .responseReady(closes: false),
                .responseWritten, .inputEnded,
            ],
            [
                [.askHandler], [.sendResponse(keepsAlive: false)], [.halfCloseAndLinger], [.close],
            ], .closed)
    }

    @Test("drops a small unread body and keeps the connection")
    func discardsSmallBody() {
        check(
            [
                .headParsed(Self.post(262_144)), .responseReady(closes: false), .responseWritten,
                .bodyReceived(262_000), .bodyReceived(144),
            ],
            [
                [.askHandler], [.sendResponse(keepsAlive: true)], [.discardBody(262_144)], [],
                [.readHead],
            ], .idle)
    }

    @Test("closes on a larger one, or one of unknown length", arguments: [post(262_145), chunked])
    func lingersOnLargeBody(_ exchange: Exchange) {
        check(
            [.headParsed(exchange), .responseReady(closes: false), .responseWritten],
            [[.askHandler], [.sendResponse(keepsAlive: false)], [.halfCloseAndLinger]],
            .lingering)
    }

    @Test("drops the rest when a receiver refuses in the middle, also after a 100")
    func refusalInBody() {
        check(
            [
                .headParsed(Self.post(1000, waits: true)), .bodyWanted, .bodyReceived(900),
                .responseReady(closes: false), .responseWritten,
            ],
            [
                [.askHandler], [.sendContinue, .readBody], [], [.sendResponse(keepsAlive: true)],
                [.discardBody(100)],
            ], .discarding(100))
    }

    @Test("counts the unread body of a handler that declined it and answers later")
    func declinedBody() {
        check(
            [
                .headParsed(Self.post(7)), .bodyDeclined, .responseReady(closes: false),
                .responseWritten,
            ],
            [[.askHandler], [], [.sendResponse(keepsAlive: true)], [.discardBody(7)]],
            .discarding(7))
    }

    @Test("refuses a faulty head and lingers")
    func faultyHead() {
        check(
            [.headBegan, .malformed(Self.fault), .responseWritten],
            [[], [.refuse(.malformed(Self.fault))], [.halfCloseAndLinger]], .lingering)
    }

    @Test("cancels the receiver before it refuses faulty chunks")
    func faultyChunks() {
        check(
            [.headParsed(Self.chunked), .bodyWanted, .malformed(Self.fault), .responseWritten],
            [
                [.askHandler], [.readBody], [.cancelBody, .refuse(.malformed(Self.fault))],
                [.halfCloseAndLinger],
            ], .lingering)
    }

    @Test("cancels the receiver when the peer goes away", arguments: [
        ConnectionEvent.inputEnded, .failed,
    ])
    func disconnectInBody(_ event: ConnectionEvent) {
        check(
            [.headParsed(Self.post(5)), .bodyWanted, .bodyReceived(4), event, .failed],
            [[.askHandler], [.readBody], [], [.cancelBody, .close], []], .closed)
    }

    @Test("still answers a peer that only stopped sending")
    func halfClosedPeer() {
        check(
            [
                .headParsed(Self.get), .bodyDeclined, .inputEnded, .responseReady(closes: false),
                .inputEnded, .responseWritten, .inputEnded,
            ],
            [
                [.askHandler], [], [], [.sendResponse(keepsAlive: true)], [], [.readHead], [.close],
            ], .closed)
    }

    @Test("sends nothing to a peer that is gone")
    func resetWhileAtWork() {
        check(
            [.headParsed(Self.get), .bodyDeclined, .failed, .responseReady(closes: false)],
            [[.askHandler], [], [.close], []], .closed)
    }

    @Test("keeps the deadlines of each state")
    func deadlines() {
        check([.deadlinePassed], [[.close]], .closed)
        check(
            [.headBegan, .deadlinePassed], [[], [.refuse(.headTooSlow)]], .sending(then: .linger))
        check(
            [.headParsed(Self.post(5)), .bodyWanted, .deadlinePassed],
            [[.askHandler], [.readBody], [.cancelBody, .refuse(.bodyTooSlow)]],
            .sending(then: .linger))
        check(
            [.headParsed(Self.get), .responseReady(closes: false), .deadlinePassed],
            [[.askHandler], [.sendResponse(keepsAlive: true)], [.close]], .closed)
        check(
            [.headParsed(Self.post(5)), .responseReady(closes: false), .responseWritten,
                .deadlinePassed],
            [[.askHandler], [.sendResponse(keepsAlive: true)], [.discardBody(5)], [.close]],
            .closed)
    }

    @Test("names the deadline that runs")
    func deadlineNames() {
        var machine = ConnectionMachine()
        var names: [ConnectionDeadline?] = [machine.deadline]
        let events: [ConnectionEvent] = [
            .headBegan, .headParsed(Self.post(5)), .bodyWanted, .bodyReceived(5),
            .responseReady(closes: true), .responseWritten, .inputEnded,
        ]
        for event in events {
            _ = machine.handle(event)
            names.append(machine.deadline)
        }
        #expect(names == [.idle, .head, nil, .body, nil, .write, .linger, nil])
    }

    @Test("closes idle connections when draining, and lets the others finish")
    func drains() {
        check([.drain, .headBegan], [[.close], []], .closed)
        check(
            [
                .headBegan, .drain, .headParsed(Self.get), .responseReady(closes: false),
                .responseWritten,
            ],
            [[], [], [.askHandler], [.sendResponse(keepsAlive: false)], [.halfCloseAndLinger]],
            .lingering)
        check(
            [.headParsed(Self.get), .responseReady(closes: false), .drain, .responseWritten],
            [[.askHandler], [.sendResponse(keepsAlive: true)], [], [.halfCloseAndLinger]],
            .lingering)
        check(
            [.headParsed(Self.post(5)), .responseReady(closes: false), .responseWritten, .drain],
            [[.askHandler], [.sendResponse(keepsAlive: true)], [.discardBody(5)],
                [.halfCloseAndLinger]],
            .lingering)
    }

    @Test("refuses half-sent requests when the grace is over, and waits for whole ones")
    func graceEnds() {
        check(
            [.headBegan, .drain, .graceEnded], [[], [], [.refuse(.draining)]],
            .sending(then: .linger))
        check(
            [.headParsed(Self.post(5)), .bodyWanted, .drain, .graceEnded],
            [[.askHandler], [.readBody], [], [.cancelBody, .refuse(.draining)]],
            .sending(then: .linger))
        check(
            [.headParsed(Self.get), .bodyDeclined, .drain, .graceEnded,
                .responseReady(closes: false)],
            [[.askHandler], [], [], [], [.sendResponse(keepsAlive: false)]],
            .sending(then: .linger))
    }

    @Test("stays closed whatever comes")
    func closed() {
        var machine = ConnectionMachine()
        _ = machine.handle(.inputEnded)
        let events: [ConnectionEvent] = [
            .headBegan, .headParsed(Self.get), .malformed(Self.fault), .bodyWanted, .bodyDeclined,
            .bodyReceived(1), .chunkedBodyEnded, .responseReady(closes: false), .responseWritten,
            .inputEnded, .failed, .deadlinePassed, .drain, .graceEnded,
        ]
        for event in events { #expect(machine.handle(event) == .none) }
        #expect(machine.state == .closed)
    }
}
