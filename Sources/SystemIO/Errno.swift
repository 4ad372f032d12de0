import CLinux
import Glibc

/// What a system call answered when it failed.
package struct Errno: Error, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The constant's name, as it stands in the manual page: "EADDRINUSE".
    package var name: String {
        guard let name = clinux_errno_name(rawValue) else { return "errno \(rawValue)" }
        return String(cString: name)
    }

    /// The system's own sentence: "Address already in use (EADDRINUSE)".
    package var description: String {
        guard let sentence = clinux_errno_description(rawValue) else { return name }
        return "\(String(cString: sentence)) (\(name))"
    }

    /// The error of the call that this thread made last.
    package static var current: Errno { Errno(rawValue: errno) }
}

extension Errno {
    package static let noMemory = Errno(rawValue: ENOMEM)
    package static let invalidArgument = Errno(rawValue: EINVAL)
    package static let wouldBlock = Errno(rawValue: EAGAIN)
    package static let interrupted = Errno(rawValue: EINTR)
    package static let addressInUse = Errno(rawValue: EADDRINUSE)
    package static let connectionReset = Errno(rawValue: ECONNRESET)
    package static let connectionAborted = Errno(rawValue: ECONNABORTED)
    package static let brokenPipe = Errno(rawValue: EPIPE)
    package static let processFileLimit = Errno(rawValue: EMFILE)
    package static let systemFileLimit = Errno(rawValue: ENFILE)
    package static let noBufferSpace = Errno(rawValue: ENOBUFS)
    package static let inProgress = Errno(rawValue: EINPROGRESS)
    package static let alreadyInProgress = Errno(rawValue: EALREADY)
    package static let noSpace = Errno(rawValue: ENOSPC)
    package static let quotaExceeded = Errno(rawValue: EDQUOT)
    package static let fileTooLarge = Errno(rawValue: EFBIG)
    package static let inputOutput = Errno(rawValue: EIO)
    package static let noEntry = Errno(rawValue: ENOENT)
    package static let exists = Errno(rawValue: EEXIST)
    package static let overflow = Errno(rawValue: EOVERFLOW)
    package static let readOnlyFileSystem = Errno(rawValue: EROFS)
    package static let notPermitted = Errno(rawValue: EACCES)
    package static let addressNotAvailable = Errno(rawValue: EADDRNOTAVAIL)
}
