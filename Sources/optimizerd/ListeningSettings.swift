import ArgumentParser

/// Where the service listens.
struct ListeningSettings: ParsableArguments {
    @Option(help: "Address or host name to listen on. (default: \(Endpoints.defaultHost))")
    var host: String?

    @Option(
        help: """
            Port to listen on; 0 picks a free one and prints it. \
            (default: \(Endpoints.defaultPort))
            """)
    var port: UInt16?

    @Option(
        help: ArgumentHelp(
            """
            Listen there too: HOST:PORT, [V6-ADDRESS]:PORT or unix:PATH; may be repeated, or hold \
            several with commas between them. Without --host and --port, there only.
            """, valueName: "where"))
    var listen: [String] = []

    @Option(
        help: "PEM file with the certificate and those that lead to its root: TLS on all of TCP.")
    var tlsCertificate: String?

    @Option(help: "PEM file with the certificate's private key, unencrypted.")
    var tlsKey: String?

    @Option(help: "PEM file with authorities; clients must show a certificate of one of them.")
    var tlsClientCa: String?

    @Flag(help: "Allow an address beyond loopback without TLS and tokens.")
    var insecure = false
}
