import SystemIO

@testable import HTTPServer

/// What must be true whenever the loop rests, and at the end.
extension Simulation {
    func check() {
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
        for index in watches.indices {
            let isForsaken = isDraining || clients[index].hasGivenUp
            faults += watches[index].faults(at: loop.now, isForsaken: isForsaken)
        }
        checkAlarms()
    }

    /// What each connection wants of the queue is its watch's to say.
    private func checkAlarms() {
        if let next = set.nextDeadline, next <= loop.now {
            faults.append("a deadline has passed and nothing happened")
        }
        let began = drainOutcome == nil ? drainBegan : nil
        let expected: [(ConnectionSet.Alarm, Instant?)] = [
            (.acceptAgain, nil), (.drainGrace, began.map { $0 + set.configuration.drainGrace }),
            (.drainDeadline, began.map { $0 + set.configuration.drainDeadline }),
        ]
        for (alarm, due) in expected {
            let wanted = set.deadlines.wanted(for: alarm.rawValue)
            if wanted != due.flatMap({ $0 > loop.now ? $0 : nil }) {
                faults.append("\(alarm) rings at another time")
            }
        }
        let earliest = (0..<Self.connectionLimit + ConnectionSet.Alarm.allCases.count)
            .compactMap { set.deadlines.wanted(for: $0) }.min()
        if let earliest, set.nextDeadline.map({ $0 > earliest }) ?? true {
            faults.append("the loop would sleep through a deadline")
        }
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
    func checkEverybodyIsAnswered() {
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
