import CLinux
import Glibc

/// A small file that an operator keeps, read whole.
package struct OperatorFile: Sendable {
    package let bytes: [UInt8]
    /// Who has it and may use it; a file that takes its place is to have the same.
    package let permissions: FilePermissions

    package init(_ path: String, limitBytes: Int) throws(OperatorFileFault) {
        var status = stat()
        do throws(Errno) {
            // Opening a pipe would otherwise wait for somebody to write to it.
            let number = try check(.open) { clinux_open(path, O_RDONLY | O_NONBLOCK, 0, 0) }
            let descriptor = Descriptor(owning: number)
            try check(.status, on: number) { fstat(number, &status) }
            let isRegular = status.st_mode & S_IFMT == S_IFREG
            bytes = isRegular ? try Self.read(descriptor, upTo: limitBytes + 1) : []
        } catch {
            throw .system(error)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
        guard bytes.count <= limitBytes else { throw .tooLarge(limitBytes: limitBytes) }
        permissions = FilePermissions(
            mode: status.st_mode & 0o777, user: status.st_uid, group: status.st_gid)
    }

    private static func read(
        _ descriptor: borrowing Descriptor, upTo limit: Int
    ) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        var filled = 0
        while filled < limit {
            let number = descriptor.number
            let count = try check(.fileRead, on: number) {
                bytes.withUnsafeMutableBytes {
                    Glibc.read(number, $0.baseAddress.map { $0 + filled }, limit - filled)
                }
            }
            guard count > 0 else { break }
            filled += count
        }
        bytes.removeLast(limit - filled)
        return bytes
    }
}

package struct FilePermissions: Equatable, Sendable {
    package let mode: mode_t
    let user: uid_t
    let group: gid_t

    /// Whether others than its owner may write the file.
    package var letOthersWrite: Bool { mode & (S_IWGRP | S_IWOTH) != 0 }
}

/// A file that is not what an operator can have meant, as a sentence's predicate.
package enum OperatorFileFault: Error, Equatable, CustomStringConvertible {
    case system(Errno)
    case notRegular
    case tooLarge(limitBytes: Int)

    package var description: String {
        switch self {
        case .system(let error): "cannot be read: \(error)"
        case .notRegular: "is no regular file"
        case .tooLarge(let limit): "has more than \(limit) bytes"
        }
    }
}
