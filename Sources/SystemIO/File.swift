import CLinux
import Glibc

/// An open regular file. Every transfer names its offset, so that the file has no position that
/// callers would have to agree about. Calls block; event loops never make them.
package struct File: ~Copyable, Sendable {
    package enum Access: Sendable {
        case read
        /// Reading and writing a file that exists.
        case update
        /// Reading and writing a file that must not exist yet.
        case create
        /// Reading and writing; the file is made where there is none.
        case updateOrCreate
    }

    /// Direct transfers go between memory and disk without the page cache. Memory, offset and
    /// length of each must be multiples of this.
    package static let directAlignment = 4096

    private let descriptor: Descriptor
    package let isDirect: Bool

    /// - Parameter direct: asks for direct transfers; where the file system has none, the file is
    ///   opened without, which `isDirect` tells.
    package init(_ path: String, _ access: Access, direct: Bool = false) throws(Errno) {
        let flags: Int32 =
            switch access {
            case .read: O_RDONLY
            case .update: O_RDWR
            case .create: O_RDWR | O_CREAT | O_EXCL
            case .updateOrCreate: O_RDWR | O_CREAT
            }
        if direct {
            do throws(Errno) {
                descriptor = try Self.open(path, flags, direct: true)
                isDirect = true
                return
            } catch {
                guard error == .invalidArgument else { throw error }
            }
            // The refused attempt may have made the file already, so it is no longer to be new.
            descriptor = try Self.open(path, flags & ~O_EXCL, direct: false)
        } else {
            descriptor = try Self.open(path, flags, direct: false)
        }
        isDirect = false
    }

    private static func open(
        _ path: String, _ flags: Int32, direct: Bool
    ) throws(Errno) -> Descriptor {
        Descriptor(
            owning: try check(.open) { clinux_open(path, flags, 0o600, direct ? 1 : 0) })
    }

    package var byteCount: Int {
        get throws(Errno) {
            var status = stat()
            try check(.status, on: descriptor.number) { fstat(descriptor.number, &status) }
            return Int(status.st_size)
        }
    }

    /// Reads until the buffer is full or the file ends.
    ///
    /// - Returns: how many bytes were read: fewer than asked only at the file's end.
    package func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(Errno) -> Int {
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = try check(.fileRead, on: descriptor.number) {
                pread(descriptor.number, rest.baseAddress, rest.count, off_t(offset + filled))
            }
            guard count > 0 else { break }
            filled += count
        }
        return filled
    }

    /// Writes all parts one after another, in one gathered call where the system takes them so.
    /// What a failed call has written stays behind the file's old end or over its old bytes.
    package func write(_ parts: [UnsafeRawBufferPointer], at offset: Int) throws(Errno) {
        var vectors = parts.filter { !$0.isEmpty }.map {
            iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
        }
        var (first, place) = (0, offset)
        while first < vectors.count {
            let written = try vectors.withUnsafeMutableBufferPointer { all throws(Errno) in
                let rest = UnsafeMutableBufferPointer(rebasing: all[first...])
                return try check(.fileWrite, on: descriptor.number) {
                    pwritev(
                        descriptor.number, rest.baseAddress,
                        Int32(min(rest.count, Self.partsPerCall)), off_t(place))
                }
            }
            // A file takes at least one byte or fails; no progress would be an endless loop.
            guard written > 0 else { throw .inputOutput }
            place += written
            first = Self.advance(&vectors, from: first, by: written)
        }
    }

    /// IOV_MAX of Linux.
    private static let partsPerCall = 1024

    /// Takes `count` written bytes off the vectors.
    ///
    /// - Returns: the index of the first vector that is not written wholly.
    static func advance(
        _ vectors: inout [iovec], from first: Int, by count: Int
    ) -> Int {
        var (index, rest) = (first, count)
        while index < vectors.count, rest >= vectors[index].iov_len {
            rest -= vectors[index].iov_len
            index += 1
        }
        if rest > 0 {
            vectors[index].iov_base += rest
            vectors[index].iov_len -= rest
        }
        return index
    }

    /// The first bytes of the file as memory that is read when it is looked at.
    func map(byteCount: Int) throws(Errno) -> UnsafeMutableRawPointer {
        let number = descriptor.number
        let address: Int = try check(.memoryMap, on: number) {
            Int(bitPattern: mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, number, 0))
        }
        guard let base = UnsafeMutableRawPointer(bitPattern: address) else { throw .noMemory }
        return base
    }

    /// Gives the file to this owner and group, with this mode.
    func set(_ permissions: FilePermissions) throws(Errno) {
        let number = descriptor.number
        // In this order: a change of owner may take bits of the mode away (chown(2)).
        try check(.changeOwner, on: number) { fchown(number, permissions.user, permissions.group) }
        try check(.changeMode, on: number) { fchmod(number, permissions.mode) }
    }

    package func truncate(to byteCount: Int) throws(Errno) {
        try check(.truncate, on: descriptor.number) {
            ftruncate(descriptor.number, off_t(byteCount))
        }
    }

    /// Returns when the contents, and what is needed to read them, are on the disk.
    package func syncData() throws(Errno) {
        try check(.dataSync, on: descriptor.number) { fdatasync(descriptor.number) }
    }

    /// Claims the file for this process, as long as it is open.
    ///
    /// - Throws: `EAGAIN` while another process has it.
    package func lock() throws(Errno) {
        try check(.lockFile, on: descriptor.number) { flock(descriptor.number, LOCK_EX | LOCK_NB) }
    }
}
