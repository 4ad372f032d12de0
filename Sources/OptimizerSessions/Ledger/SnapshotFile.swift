import OptimizerEngine
import SystemIO
import TensorFormats

/// A session's whole state at one position, ready to be written.
///
/// The file is a state file (API §3a) with two more tensors at its end, `ledger/account` (U8) and
/// `ledger/crc32c` (U32, one number): the CRC-32C of every byte of the file before it.
package struct SnapshotImage: Sendable {
    package let position: Int
    package let step: Int
    /// Header and the state's tensors as they lie in the file.
    let front: [Part]
    let account: Part

    /// A piece of the file, which stays as it is until the file is written; that is what the
    /// `@unchecked` stands for.
    enum Part: @unchecked Sendable {
        case bytes([UInt8])
        /// Made when the file is written.
        case deferred(@Sendable () throws(Errno) -> [UInt8])
        case slab(Slab, byteCount: Int)
        case memory(UnsafeRawBufferPointer, owner: AnyObject)
    }

    static let accountName = "ledger/account"
    static let checksumName = "ledger/crc32c"
    static let checksumBytes = 4

    /// What stands behind the state's tensors in the header.
    static func extraTensors(
        accountBytes: Int
    ) throws(TensorSizeFault) -> [TensorDescription] {
        [
            try TensorDescription(name: accountName, dtype: .U8, shape: [accountBytes]),
            try TensorDescription(name: checksumName, dtype: .U32, shape: [1]),
        ]
    }

    /// Writes the file and returns when its contents are on the disk; its name is not yet.
    func write(to path: String) throws(Errno) {
        let file = try File(path, .create, direct: true)
        var stream = try BlockStream()
        for part in front + [account] {
            switch part {
            case .bytes(let bytes): try stream.append(bytes, to: file)
            case .deferred(let make): try stream.append(try make(), to: file)
            case .slab(let slab, let count):
                let bytes = UnsafeRawBufferPointer(start: slab.base, count: count)
                try stream.append(bytes, to: file)
            case .memory(let bytes, let owner):
                try stream.append(bytes, to: file)
                withExtendedLifetime(owner) {}
            }
        }
        var checksum = ByteWriter()
        checksum.integer(stream.checksum)
        try stream.append(checksum.bytes, to: file)
        try stream.finish(file)
        try file.syncData()
    }
}

/// Bytes on their way to a new file in blocks that need no page cache, checksummed as they pass.
struct BlockStream: ~Copyable {
    private let block: Slab
    private var filled = 0
    private var offset = 0
    private(set) var checksum: UInt32 = 0

    /// Large enough that the calls weigh nothing.
    private static let blockBytes = 1 << 20

    init() throws(Errno) {
        block = try Slab(byteCount: Self.blockBytes, alignment: File.directAlignment)
    }

    mutating func append(
        _ bytes: UnsafeRawBufferPointer, to file: borrowing File
    ) throws(Errno) {
        checksum = Kernels.best.crc32c(bytes, continuing: checksum)
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(Self.blockBytes - filled)
            UnsafeMutableRawBufferPointer(rebasing: block.bytes[filled...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
            filled += part.count
            rest = rest.dropFirst(part.count)
            if filled == Self.blockBytes { try flush(file) }
        }
    }

    mutating func append(_ bytes: [UInt8], to file: borrowing File) throws(Errno) {
        let copy = try Slab(byteCount: bytes.count)
        copy.bytes.copyBytes(from: bytes)
        try append(UnsafeRawBufferPointer(copy.bytes), to: file)
    }

    /// Writes what is left and cuts the file to its length.
    mutating func finish(_ file: borrowing File) throws(Errno) {
        let byteCount = offset + filled
        let end = filled.rounded(upTo: File.directAlignment)
        for index in filled..<end { block.bytes[index] = 0 }
        filled = end
        if filled > 0 { try flush(file) }
        try file.truncate(to: byteCount)
    }

    private mutating func flush(_ file: borrowing File) throws(Errno) {
        try file.write([UnsafeRawBufferPointer(rebasing: block.bytes[..<filled])], at: offset)
        offset += filled
        filled = 0
    }
}

/// A snapshot as it was read: the state, and what belongs to its session.
package struct SnapshotContents: Sendable {
    let state: StateImport
    let account: SnapshotAccount
}

extension SnapshotContents {
    /// Reads a snapshot and proves that it is as it was written.
    init(_ path: String, limits: FormatLimits) throws(LedgerFault) {
        let slab: Slab
        do {
            // A large state is not held a second time while it is copied out of its file.
            slab = try Slab(mapping: path)
        } catch {
            throw .unreadable(file: path, error)
        }
        try self.init(slab, path: path, limits: limits)
    }

    init(_ file: Slab, path: String, limits: FormatLimits) throws(LedgerFault) {
        func damaged(_ reason: String) -> LedgerFault {
            .damaged(file: path, offset: 0, reason: reason)
        }
        let end = file.byteCount - SnapshotImage.checksumBytes
        guard end > 8 else { throw damaged("the snapshot is too short") }
        let bytes = UnsafeRawBufferPointer(file.bytes)
        let checksum = UInt32(
            littleEndian: bytes.loadUnaligned(fromByteOffset: end, as: UInt32.self))
        guard
            Kernels.best.crc32c(UnsafeRawBufferPointer(rebasing: bytes[..<end])) == checksum
        else { throw damaged("the snapshot does not match its checksum") }
        let headerBytes = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard headerBytes <= UInt64(end - 8) else { throw damaged("the header is too long") }
        let dataOffset = 8 + Int(headerBytes)
        do {
            let header = try SafetensorsHeader.parse(
                UnsafeRawBufferPointer(rebasing: bytes[8..<dataOffset]), limits: limits)
            guard header.dataByteCount == file.byteCount - dataOffset else {
                throw damaged("the header is not this file's")
            }
            let extra = [SnapshotImage.accountName, SnapshotImage.checksumName]
            state = try StateImport(
                header: header.leavingOut(Set(extra)), data: file, dataOffset: dataOffset)
            guard let entry = header.tensors.first(where: { $0.name == extra[0] }) else {
                throw damaged("the account is missing")
            }
            let text = Array(bytes[dataOffset + entry.begin..<dataOffset + entry.end])[...]
            let version = try SnapshotAccount.version(of: text)
            guard version <= SnapshotAccount.version else {
                throw LedgerFault.newer(file: path, version: Int(version))
            }
            account = try SnapshotAccount(text, layout: state.layout)
        } catch let fault as LedgerFault {
            throw fault
        } catch {
            throw damaged("the snapshot cannot be read: \(error)")
        }
    }
}
