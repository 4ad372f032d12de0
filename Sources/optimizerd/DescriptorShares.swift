import OptimizerSessions

/// Who may have how many of the process's descriptors, so that connections can never take those
/// that logs need: a step that finds none is refused, and clients would decide about that.
struct DescriptorShares {
    let logFiles: Int
    let connections: Int

    /// For the streams, the event loops, the lock, snapshots, directories and journals.
    private static let reserve = 48

    /// - Parameter limit: RLIMIT_NOFILE.
    init(limit: Int) {
        logFiles = max(4, min(Archive.openFileLimit, (limit - Self.reserve) / 4))
        // A log that was begun lately has its directory open beside its file.
        connections = max(1, limit - 2 * logFiles - Self.reserve)
    }
}
