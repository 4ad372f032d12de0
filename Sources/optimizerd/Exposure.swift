import HTTPServer

/// What places lack that other machines can reach. Tokens alone are not enough, because whoever
/// sees one pass by has it; nor is TLS alone, unless clients show certificates.
enum Exposure {
    static func check(
        _ endpoints: Endpoints, knowsClients: Bool, isMeant: Bool, _ log: EventLog
    ) throws {
        for endpoint in endpoints.exposed {
            let missing = [
                endpoint.identity == nil ? "no TLS" : nil, knowsClients ? nil : "no token",
            ].compactMap { $0 }
            guard !missing.isEmpty else { continue }
            let lacking = missing.joined(separator: " and ")
            guard isMeant else {
                throw SettingError(
                    "\(endpoint.place) is reachable from other machines, and there is \(lacking): "
                        + "give --insecure if that is meant.")
            }
            log.exposed(at: "\(endpoint.place)", lacking: lacking)
        }
    }
}
