import OptimizerService
import SystemIO

/// Where the program listens and a first command that works, for whoever started it.
struct Announcement {
    let addresses: [SocketAddress]
    let hasTLS: Bool
    let hasTokens: Bool

    var text: String {
        let fields = (hasTokens ? #"-H "Authorization: Bearer $TOKEN" "# : "")
            + "-H 'Content-Type: application/json'"
        return """
            optimizerd \(OptimizerService.version) listens on \
            \(addresses.map(url).joined(separator: ", "))
            Try: curl -sS -X PUT \(addresses.first.map(base) ?? "")/v1/sessions/demo \
            \(fields) -d '{"parameters": {"w": [0.5, -0.5]}}'

            """
    }

    private func url(_ address: SocketAddress) -> String {
        if case .local = address { return "\(address)" }
        return "\(hasTLS ? "https" : "http")://\(address)"
    }

    /// curl's arguments up to the path.
    private func base(_ address: SocketAddress) -> String {
        guard case .local(let path) = address else { return url(address) }
        return "--unix-socket \(path) http://localhost"
    }
}
