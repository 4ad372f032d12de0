import HTTPServer
import SystemIO

/// `GET /metrics`: counters and gauges in the Prometheus text format, version 0.0.4.
struct MetricsEndpoint {
    let rooms: ServiceRooms
    let polls: PollRoom
    let counters: @Sendable () -> ServerCounters?

    func text(_ exchange: Exchange, _ principal: Principal) throws(Problem) -> Decision {
        try principal.requireEverySession()
        _ = try QueryParameters(exchange.head, known: [])
        var page = MetricsPage()
        page.gauge("optimizerd_sessions", "Sessions held.", rooms.store.sessionCount)
        page.gauge(
            "optimizerd_sessions_quarantined", "Sessions whose files are damaged.",
            rooms.store.quarantinedCount)
        page.gauge(
            "optimizerd_recovering_sessions", "Sessions that are still to be rebuilt.",
            rooms.store.recovery.underWay.map { $0.total - $0.done } ?? 0)
        page.gauge(
            "optimizerd_state_bytes", "Bytes of all sessions' state.",
            rooms.store.budget.inUseBytes)
        page.gauge(
            "optimizerd_body_bytes_in_flight", "Bytes of bodies in memory.",
            rooms.bodies.inUseBytes)
        page.gauge(
            "optimizerd_waiting_reads", "Reads that wait for a change.", polls.count)
        page.labelled(
            "optimizerd_steps_total", "Steps whose gradients arrived, by what became of them.",
            "outcome", rooms.steps.byOutcome)
        if let resident = Machine.residentBytes() {
            page.gauge(
                "process_resident_memory_bytes", "Resident memory of the process.", resident)
        }
        if let open = Machine.openDescriptorCount() {
            page.gauge("process_open_fds", "Open descriptors of the process.", open)
        }
        if let counters = counters() { page.add(counters) }
        return .respond(
            Response.content("text/plain; version=0.0.4; charset=utf-8", Array(page.text.utf8)))
    }
}

private struct MetricsPage {
    private(set) var text = ""

    mutating func add(_ counters: ServerCounters) {
        gauge(
            "optimizerd_connections", "Connections open now.", counters.connectionsOpen)
        counter(
            "optimizerd_connections_accepted_total", "Connections accepted.",
            counters.connectionsAccepted)
        labelled(
            "optimizerd_tls_handshakes_total", "TLS handshakes, by outcome.", "outcome",
            [("completed", counters.handshakes), ("failed", counters.failedHandshakes)])
        counter(
            "optimizerd_tls_kernel_connections_total", "Connections that the kernel encrypts.",
            counters.kernelHandshakes)
        counter("optimizerd_requests_total", "Requests begun.", counters.requests)
        labelled(
            "optimizerd_responses_total", "Responses by class of status.", "class",
            counters.responsesByClass.enumerated().map { ("\($0.offset + 1)xx", $0.element) })
        counter("optimizerd_received_bytes_total", "Bytes read.", counters.bytesIn)
        counter("optimizerd_sent_bytes_total", "Bytes written.", counters.bytesOut)
        labelled(
            "optimizerd_refusals_total", "Requests that were refused, by the problem's code.",
            "code", counters.refusals.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    /// One counter a value of a label.
    mutating func labelled(
        _ name: String, _ help: String, _ label: String, _ counts: [(String, UInt64)]
    ) {
        head(name, help, "counter")
        for (value, count) in counts { text += "\(name){\(label)=\"\(value)\"} \(count)\n" }
    }

    mutating func gauge(_ name: String, _ help: String, _ value: some BinaryInteger) {
        head(name, help, "gauge")
        text += "\(name) \(value)\n"
    }

    mutating func counter(_ name: String, _ help: String, _ value: some BinaryInteger) {
        head(name, help, "counter")
        text += "\(name) \(value)\n"
    }

    private mutating func head(_ name: String, _ help: String, _ kind: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
    }
}
