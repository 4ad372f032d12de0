import HTTPServer
import SystemIO

/// `GET /metrics`: counters and gauges in the Prometheus text format, version 0.0.4.
struct MetricsEndpoint {
    let rooms: ServiceRooms
    let counters: @Sendable () -> ServerCounters?

    func text(_ exchange: Exchange) throws(Problem) -> Decision {
        _ = try QueryParameters(exchange.head, known: [])
        var page = MetricsPage()
        page.gauge("optimizerd_sessions", "Sessions held.", rooms.store.sessionCount)
        page.gauge(
            "optimizerd_state_bytes", "Bytes of all sessions' state.",
            rooms.store.budget.inUseBytes)
        page.gauge(
            "optimizerd_body_bytes_in_flight", "Bytes of bodies in memory.",
            rooms.bodies.inUseBytes)
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
        counter("optimizerd_requests_total", "Requests begun.", counters.requests)
        let responses = "optimizerd_responses_total"
        head(responses, "Responses by class of status.", "counter")
        for (index, count) in counters.responsesByClass.enumerated() {
            text += "\(responses){class=\"\(index + 1)xx\"} \(count)\n"
        }
        counter("optimizerd_received_bytes_total", "Bytes read.", counters.bytesIn)
        counter("optimizerd_sent_bytes_total", "Bytes written.", counters.bytesOut)
        let refusals = "optimizerd_refusals_total"
        head(refusals, "Requests that the server itself refused, by code.", "counter")
        for (code, count) in counters.refusals.sorted(by: { $0.key < $1.key }) {
            text += "\(refusals){code=\"\(code)\"} \(count)\n"
        }
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
