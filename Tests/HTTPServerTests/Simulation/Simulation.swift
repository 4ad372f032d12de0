import SeededChance
import SystemIO

@testable import HTTPServer

/// A loop's connections in a world that one seed decides: who sends how much and when, who stalls
/// or vanishes, in which order answers become ready, when the clock jumps and when the end comes.
final class Simulation {
    private var dice: SplitMix
    private let loop = SimulatedLoop()
    private let handler: SimulatedHandler
    private let gate: AdmissionGate
    private let set: ConnectionSet
    private var clients: [SimulatedClient] = []
    /// As the table counts: a slot for each wire that is open.
    private var tokens: [UInt64] = []
    private var nextNumber = 1
    /// Whether a deadline may have cut somebody off.
    private var clockHasJumped = false
    private var isDraining = false
    private var drainOutcome: DrainOutcome?
    private(set) var faults: [String] = []

    private static let connectionLimit = 6
    /// Passes of a loop over what is ready; one that finds nothing to do ends it.
    private static let passLimit = 20_000

    init(seed: UInt64) {
        dice = SplitMix(seed: seed)
        handler = SimulatedHandler(dice: SplitMix(seed: seed &+ 1))
        gate = AdmissionGate(limit: Self.connectionLimit)
        var configuration = ServerConfiguration()
        configuration.loopCount = 1
        set = ConnectionSet(
            loop: loop, configuration: configuration, handler: handler, gate: gate, log: { _ in })
    }

    func run(turns: Int) {
        for _ in 0..<turns where faults.isEmpty {
            act()
            pump()
            check()
        }
        guard faults.isEmpty else { return }
        calmDown()
        checkEverybodyIsAnswered()
        end()
    }

    // MARK: What happens

    private func act() {
        switch Int.random(in: 0..<100, using: &dice) {
        case 0..<8: connect()
        case 8..<45: anyone { $0.send(size(), isImpatient: one(in: 20)) }
        case 45..<75: anyone { $0.take(size()) }
        case 75..<90: handler.completeOne()
        case 90..<96: loop.now = loop.now + .milliseconds(Int.random(in: 1...50, using: &dice))
        case 96, 97: if one(in: 4) { anyone { $0.giveUp(byReset: one(in: 2)) } }
        case 98: if one(in: 20) { jump(.seconds(Int.random(in: 1...40, using: &dice))) }
        default: if one(in: 30) { drain() }
        }
    }

    private func one(in count: Int) -> Bool { Int.random(in: 0..<count, using: &dice) == 0 }

    private func size() -> Int {
        [1, 2, 7, 100, 4000, 70_000, 1 << 20].randomElement(using: &dice) ?? 1
    }

    private func anyone(_ body: (SimulatedClient) -> Void) {
        if let client = clients.randomElement(using: &dice) { body(client) }
    }

    private func connect() {
        guard !isDraining, clients.count < 3 * Self.connectionLimit, gate.enter() else { return }
        let wire = SimulatedWire(
            capacity: [300, 3000, 20_000, 1 << 20].randomElement(using: &dice) ?? 300,
            isTransparent: one(in: 2), dice: SplitMix(seed: dice.next()))
        clients.append(SimulatedClient(wire: wire, firstNumber: nextNumber, dice: &dice))
        nextNumber += 100
        set.admit(wire, from: .local(path: "")) { tokens.append($0) }
    }

    private func jump(_ duration: Duration) {
        clockHasJumped = true
        loop.now = loop.now + duration
    }

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        // One thread: the completion is called from a turn of this simulation.
        nonisolated(unsafe) let simulation = self
        set.beginDrain(DrainTicket(loopCount: 1) { simulation.drainOutcome = $0 })
    }

    /// What a loop does between two waits for the poller.
    private func pump() {
        var passes = 0
        while true {
            for (client, token) in zip(clients, tokens) {
                if let event = client.wire.takeEvent(token) { set.handle(event) }
            }
            loop.runInbox()
            if let next = set.nextDeadline, next <= loop.now { set.handleDeadline(loop.now) }
            guard set.hasReadyWork else { return }
            set.runReady()
            passes += 1
            guard passes < Self.passLimit else {
                faults.append("the loop turns without end")
                return
            }
        }
    }

    /// Everybody sends what is left, takes what comes, and every answer becomes ready.
    private func calmDown() {
        var rounds = 0
        while faults.isEmpty, rounds < 20_000 {
            let before = clients.map { $0.answers.count + $0.interim }
            let wasSent = clients.map(\.hasSentAll)
            for client in clients {
                client.send(.max / 2, isImpatient: false)
                client.take(.max)
            }
            handler.completeOne()
            pump()
            check()
            rounds += 1
            let isQuiet = handler.waiting.isEmpty && clients.map(\.hasSentAll) == wasSent
                && clients.map { $0.answers.count + $0.interim } == before
                && clients.allSatisfy(\.wire.outbox.isEmpty)
            if isQuiet { return }
        }
    }

    /// Nobody does anything any more, and time passes.
    private func end() {
        for _ in 0..<40 {
            jump(.seconds(31))
            while !handler.waiting.isEmpty { handler.completeOne() }
            pump()
            check()
            for client in clients { client.take(.max) }
        }
        var counters = ServerCounters()
        set.tally.add(to: &counters)
        if counters.connectionsOpen != 0 { faults.append("connections outlive all deadlines") }
        if isDraining, drainOutcome == nil { faults.append("the drain does not end") }
        if handler.receivers.contains(where: { $0.ends.count != 1 }) {
            faults.append("a receiver does not hear how its body ended")
        }
    }
}

/// What must be true.
extension Simulation {
    private func check() {
        var counters = ServerCounters()
        set.tally.add(to: &counters)
        if counters.connectionsOpen != clients.count(where: { !$0.wire.isClosed }) {
            faults.append("\(counters.connectionsOpen) connections are counted as open")
        }
        if counters.connectionsOpen != gate.inside {
            faults.append("\(gate.inside) places are taken")
        }
        for receiver in handler.receivers {
            if receiver.ends.count > 1 || receiver.callsAfterEnd > 0 {
                faults.append("\(receiver.number): called after its end: \(receiver.ends)")
            }
        }
        for client in clients { check(client) }
    }

    private func check(_ client: SimulatedClient) {
        if let fault = client.fault { faults.append(fault) }
        if client.answers.count > client.requests.count {
            faults.append("more answers than requests")
        }
        for index in client.checked..<min(client.answers.count, client.requests.count) {
            let (answer, request) = (client.answers[index], client.requests[index])
            client.checked = index + 1
            if !isRight(answer, request) { faults.append("\(request) got \(answer)") }
            if index > 0, client.answers[index - 1].closes {
                faults.append("\(request): answered after the last one")
            }
        }
    }

    private func isRight(
        _ answer: SimulatedClient.Answer, _ request: SimulatedClient.Request
    ) -> Bool {
        switch answer.status {
        case 200: answer.firstLine == request.number && request.kind != "drop" && isWhole(request)
        case 500: request.kind == "drop"
        case 408: clockHasJumped
        case 503: isDraining
        default: false
        }
    }

    /// A body that was answered has come as it was sent.
    private func isWhole(_ request: SimulatedClient.Request) -> Bool {
        let own = handler.receivers.filter { $0.number == request.number }
        switch request.kind {
        case "body":
            return own.count == 1 && own[0].ends == [.complete] && own[0].body == request.body
        case "refuse":
            return own.count == 1 && request.body.starts(with: own[0].body)
        default: return own.isEmpty
        }
    }

    /// Every request of a client that kept to the rules has been answered, up to an answer that
    /// said it was the last.
    private func checkEverybodyIsAnswered() {
        guard !clockHasJumped, !isDraining else { return }
        for client in clients where !client.hasGivenUp {
            let isLast = client.answers.last?.closes ?? false
            if client.answers.count < client.requests.count, !isLast {
                faults.append(
                    "\(client.requests[client.answers.count]) is not answered, "
                        + "all sent: \(client.hasSentAll), closed: \(client.wire.isClosed)")
            }
            if isLast, !client.wire.serverHasEnded, !client.wire.isClosed {
                faults.append("a last answer is not followed by the end")
            }
        }
        for client in clients where client.wire.clientHasEnded && !client.wire.isClosed {
            faults.append("the end of a client's requests goes unnoticed")
        }
    }
}
