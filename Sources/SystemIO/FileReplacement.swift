import CLinux
import Glibc

/// A file that gets other contents, wholly or not at all. Until it goes, no other replacement of
/// a file in the same directory begins, in whatever process.
package struct FileReplacement: ~Copyable {
    /// Of the file itself, where the path given was that of a symbolic link.
    package let path: String
    private let directory: OpenDirectory

    /// Waits while there is another replacement.
    package init(_ path: String) throws(Errno) {
        let resolved = try Directory.resolved(path)
        let directory = try OpenDirectory(Directory.parent(of: resolved))
        try directory.lock()
        self.path = resolved
        self.directory = directory
    }

    /// What is there now; nil when there is no such file yet.
    package func current(limitBytes: Int) throws(OperatorFileFault) -> OperatorFile? {
        do {
            return try OperatorFile(path, limitBytes: limitBytes)
        } catch .system(.noEntry) {
            return nil
        } catch {
            throw error
        }
    }

    /// The new contents are on the disk, under the file's name, when this returns. The file keeps
    /// its owner, group and mode; a new one is for its user alone.
    package consuming func write(
        _ bytes: [UInt8], permissions: FilePermissions?
    ) throws(Errno) {
        let new = "\(path).new"
        // One that is there was left by a process that ended too early, since this one has the
        // lock.
        if Directory.exists(new) { try Directory.removeFile(new) }
        do throws(Errno) {
            let file = try File(new, .create)
            if let permissions { try file.set(permissions) }
            try bytes.withUnsafeBufferPointer { (all) throws(Errno) in
                try file.write([UnsafeRawBufferPointer(all)], at: 0)
            }
            try file.syncData()
            try Directory.rename(new, to: path)
            try directory.sync()
        } catch {
            // What cannot be removed either, the next replacement removes.
            try? Directory.removeFile(new)
            throw error
        }
    }
}
