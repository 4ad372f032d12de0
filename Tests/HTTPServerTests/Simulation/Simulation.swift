import SeededChance
import SystemIO

@testable import HTTPServer

/// A loop's connections in a world that one seed decides: who sends how much and when, who stalls
/// or vanishes, in which order answers become ready, when the clock jumps and when the end comes.
final class Simulation {
    private var dice: SplitMix
    let loop = SimulatedLoop()
    let handler: SimulatedHandler
    let gate: AdmissionGate
    let set: ConnectionSet
    private(set) var clients: [SimulatedClient] = []
    var watches: [ConnectionWatch] = []
    /// Whether a deadline may have cut somebody off.
    private(set) var clockHasJumped = false
    private let isSlow: Bool
    private(set) var drainBegan: Instant?
    private(set) var drainOutcome: DrainOutcome?
    var faults: [String] = []

    static let connectionLimit = 6
    private static let numbersOfAClient = 100
    /// One pass gives a connection 256 KiB, the last call of which may go beyond them.
    private static let turnBytes = (read: (256 + 64) * 1024, written: (256 + 1024) * 1024)
    /// Passes of a loop over what is ready; one that finds nothing to do ends it.
    private static let passLimit = 1_000_000

    init(seed: UInt64) {
        dice = SplitMix(seed: seed)
        isSlow = seed % 4 == 3
        handler = SimulatedHandler(dice: SplitMix(seed: seed &+ 1))
        gate = AdmissionGate(limit: Self.connectionLimit)
        var configuration = ServerConfiguration()
        configuration.loopCount = 1
        configuration.lingerBytes = 100_000
        configuration.bodyRateWindow = .seconds(8)
        set = ConnectionSet(
            loop: loop, configuration: configuration, handler: handler, gate: gate, log: { _ in })
        handler.onDecision = { [unowned self] number in
            guard let number = Int(number) else { return }
            clients[number / Self.numbersOfAClient].headIsDecided()
        }
    }

    func run(turns: Int) {
        for _ in 0..<turns where faults.isEmpty {
            act()
            pump()
            check()
        }
        guard faults.isEmpty else { return }
        calmDown()
        guard faults.isEmpty else { return }
        checkEverybodyIsAnswered()
        end()
    }

    var isDraining: Bool { drainBegan != nil }

    // MARK: What happens

    private func act() {
        switch Int.random(in: 0..<100, using: &dice) {
        case 0..<8: connect()
        case 8..<45: anyone { $0.send(size(), isImpatient: one(in: 20)) }
        case 45..<75: anyone { $0.take(size()) }
        case 75..<88:
            handler.completeOne()
            if one(in: 4) { deliverSecondReply() }
        case 88, 89: deliverLateReplies()
        case 90..<96: pass()
        case 96, 97: if one(in: 4) { anyone { $0.giveUp(byReset: one(in: 2)) } }
        case 98: if one(in: 20) { jump(.seconds(Int.random(in: 1...40, using: &dice))) }
        default: if one(in: 15) { drain() }
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
            capacity: [300, 3000, 20_000, 4 << 20].randomElement(using: &dice) ?? 300,
            isTransparent: one(in: 2), dice: SplitMix(seed: dice.next()))
        clients.append(
            SimulatedClient(
                wire: wire, firstNumber: clients.count * Self.numbersOfAClient, dice: &dice))
        set.admit(wire, from: .local(path: "")) { token in
            guard let connection = set.table[ConnectionToken(rawValue: token)] else { return }
            watches.append(ConnectionWatch(connection, wire: wire, set.configuration))
        }
    }

    private static let strayReply = Reply.response(
        Response(status: .ok, body: .bytes(Array("stray\n".utf8))))

    /// To a request that has one already; the first counts.
    private func deliverSecondReply() {
        for connection in watches.map(\.connection) where connection.reply != nil {
            set.deliver(
                Self.strayReply,
                to: ResponseAddress(token: connection.token, serial: connection.serial))
        }
    }

    /// To requests that have been answered, and to those whose connection has gone and left its
    /// slot to another. No responder sends such a reply; it must not become the next one's answer.
    private func deliverLateReplies() {
        for late in watches.map(\.connection) {
            guard let present = set.table[slot: Int(late.token.slot)] else { continue }
            var serial = present.serial
            if present === late, case .awaitingResponse = late.machine.state { serial -= 1 }
            set.deliver(
                Self.strayReply, to: ResponseAddress(token: late.token, serial: serial))
        }
    }

    private func pass() {
        if isSlow { return jump(.seconds(Int.random(in: 1...12, using: &dice))) }
        loop.now = loop.now + .milliseconds(Int.random(in: 1...50, using: &dice))
    }

    private func jump(_ duration: Duration) {
        clockHasJumped = true
        loop.now = loop.now + duration
    }

    private func drain() {
        guard !isDraining else { return }
        drainBegan = loop.now
        // One thread: the completion is called from a turn of this simulation.
        nonisolated(unsafe) let simulation = self
        set.beginDrain(DrainTicket(loopCount: 1) { simulation.drainOutcome = $0 })
    }

    /// What a loop does between two waits for the poller.
    private func pump() {
        var passes = 0
        while true {
            for (client, watch) in zip(clients, watches) {
                let token = watch.connection.token.rawValue
                if let event = client.wire.takeEvent(token) { set.handle(event) }
            }
            loop.runInbox()
            if let next = set.nextDeadline, next <= loop.now { set.handleDeadline(loop.now) }
            guard set.hasReadyWork else { return }
            runReady()
            passes += 1
            guard passes < Self.passLimit else {
                faults.append("the loop turns without end")
                return
            }
        }
    }

    private func runReady() {
        let before = watches.map(\.connection.progress)
        set.runReady()
        for (watch, before) in zip(watches, before) {
            let (after, limit) = (watch.connection.progress, Self.turnBytes)
            if after.received - before.received > UInt64(limit.read) {
                faults.append("reads on while others wait")
            }
            if after.sent - before.sent > UInt64(limit.written) {
                faults.append("writes on while others wait")
            }
        }
    }

    /// Everybody sends what is left, takes what comes, and every answer becomes ready.
    private func calmDown() {
        var rounds = 0
        for client in clients { client.wire.widen() }
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
