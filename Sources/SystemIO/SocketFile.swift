import Glibc

/// The file that a Unix domain socket is bound to: made by binding, removed with the last owner.
final class SocketFile: Sendable {
    private let path: String
    private let identity: Identity

    /// Tells the file from another that has come to have its name.
    private struct Identity: Equatable {
        let device: dev_t
        let number: ino_t
    }

    /// Who may connect: this user and this group. The directory may narrow it further.
    private static let mode: mode_t = 0o660

    /// The directory is locked until somebody answers, and again for the removal: in between, one
    /// who starts or ends at the same time would take this file for his own or an abandoned one.
    ///
    /// - Parameters:
    ///   - bind: makes the file.
    ///   - listen: from then on it is seen that the file is not abandoned.
    /// - Throws: `EADDRINUSE` when somebody listens there, or when a file that is no socket has
    ///   the name.
    init(
        _ path: String, bind: () throws(Errno) -> Void, listen: () throws(Errno) -> Void
    ) throws(Errno) {
        let directory = try OpenDirectory(Directory.parent(of: path))
        try directory.lock()
        do throws(Errno) {
            try bind()
        } catch {
            guard error == .addressInUse, Self.isAbandoned(path) else { throw error }
            try check(.remove) { unlink(path) }
            try bind()
        }
        self.path = path
        guard let identity = Self.identity(of: path) else { throw .current }
        self.identity = identity
        try check(.status) { chmod(path, Self.mode) }
        try listen()
    }

    deinit {
        // One that somebody else has put in its place is theirs; one that is left is taken for
        // abandoned by the next start.
        guard let directory = try? OpenDirectory(Directory.parent(of: path)),
            (try? directory.lock()) != nil
        else { return }
        if Self.identity(of: path) == identity { unlink(path) }
    }

    /// A socket of a process that ended without removing it: nobody answers there.
    private static func isAbandoned(_ path: String) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return false }
        do {
            _ = try StreamSocket(connectingTo: .local(path: path))
            return false
        } catch {
            return error == Errno(rawValue: ECONNREFUSED)
        }
    }

    private static func identity(of path: String) -> Identity? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return Identity(device: status.st_dev, number: status.st_ino)
    }
}
