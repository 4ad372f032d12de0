import CLinux
import Glibc

/// A directory that is held open, so that syncing its names later needs no descriptor that might
/// be lacking by then.
package final class OpenDirectory: Sendable {
    private let descriptor: Descriptor

    package init(_ path: String) throws(Errno) {
        let number = try check(.open) { clinux_open(path, O_RDONLY | O_DIRECTORY, 0, 0) }
        descriptor = Descriptor(owning: number)
    }

    /// Waits until no other process, and nobody else in this one, holds the directory locked, and
    /// then does so until it is let go of.
    func lock() throws(Errno) {
        try check(.lockFile, on: descriptor.number) { flock(descriptor.number, LOCK_EX) }
    }

    /// Returns when the names in the directory are on the disk.
    package func sync() throws(Errno) {
        try check(.fileSync, on: descriptor.number) { fsync(descriptor.number) }
    }
}
