import SystemIO

/// Listening sockets that the service manager has made before it started this process
/// (sd_listen_fds(3)): connections wait in them while the program is not there.
enum SocketActivation {
    private static let firstDescriptor = 3
    /// More than anybody passes, and less than arithmetic minds.
    private static let mostDescriptors = 1024

    static func descriptors(
        pid: String? = ProcessEnvironment.value(of: "LISTEN_PID"),
        count: String? = ProcessEnvironment.value(of: "LISTEN_FDS")
    ) throws(SettingError) -> [Int32] {
        // Another process's, that this one has been started by.
        guard let pid, pid == "\(ProcessEnvironment.processIdentifier)" else { return [] }
        guard let count = count.flatMap({ Int($0) }), 0...mostDescriptors ~= count else {
            throw SettingError("LISTEN_FDS is no number of descriptors.")
        }
        return (0..<count).map { Int32(firstDescriptor + $0) }
    }
}
