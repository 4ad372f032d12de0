import Foundation
import Testing

@testable import SystemIO

/// A directory of its own for one test, which goes with the object.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/systemio-\(UUID().uuidString)"
        try Directory.create(path)
    }

    deinit {
        // What is left behind lies in the system's directory for that.
        try? FileManager.default.removeItem(atPath: path)
    }
}

@Suite struct FileTests {
    private func read(_ file: borrowing File, _ count: Int, at offset: Int) throws -> [UInt8] {
        let slab = try Slab(byteCount: count)
        let filled = try file.read(into: slab.bytes, at: offset)
        return Array(slab.bytes[..<filled])
    }

    /// The system takes 1024 pieces a call; the rest is written by further calls.
    @Test(arguments: [0, 1, 1023, 1024, 1025, 3000])
    func manyPartsAreWrittenInOrder(_ count: Int) throws {
        let directory = try TemporaryDirectory()
        let file = try File("\(directory.path)/f", .create)
        let bytes = (0..<count * 3).map { UInt8($0 % 251) }
        try bytes.withUnsafeBytes { all in
            // Pieces of 0 to 6 bytes.
            var (parts, place): ([UnsafeRawBufferPointer], Int) = ([], 0)
            for index in 0..<count {
                let length = min(index % 7, all.count - place)
                parts.append(UnsafeRawBufferPointer(rebasing: all[place..<place + length]))
                place += length
            }
            parts.append(UnsafeRawBufferPointer(rebasing: all[place...]))
            try file.write(parts, at: 10)
        }
        #expect(try file.byteCount == (bytes.isEmpty ? 0 : bytes.count + 10))
        #expect(try read(file, bytes.count + 50, at: 10) == bytes)
    }

    /// However many bytes a call takes, the rest begins where it stopped.
    @Test func aShortWriteIsContinued() {
        let lengths = [3, 1, 5, 2]
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 11, alignment: 1)
        defer { memory.deallocate() }
        for first in 0..<lengths.count {
            let before = lengths[..<first].reduce(0, +)
            for count in 0...(11 - before) {
                var place = 0
                var vectors = lengths.map { length in
                    defer { place += length }
                    return iovec(iov_base: memory.baseAddress.map { $0 + place }, iov_len: length)
                }
                let next = File.advance(&vectors, from: first, by: count)
                let rest = vectors[next...].reduce(0) { $0 + $1.iov_len }
                #expect(rest == 11 - before - count)
                if next < vectors.count {
                    #expect(vectors[next].iov_base == memory.baseAddress.map { $0 + 11 - rest })
                }
            }
        }
    }

    @Test func readingEndsWithTheFile() throws {
        let directory = try TemporaryDirectory()
        let file = try File("\(directory.path)/f", .create)
        try Array("hello".utf8).withUnsafeBytes { try file.write([$0], at: 0) }
        #expect(try read(file, 3, at: 1) == Array("ell".utf8))
        #expect(try read(file, 100, at: 2) == Array("llo".utf8))
        #expect(try read(file, 100, at: 5) == [])
        #expect(try read(file, 100, at: 500) == [])
        try file.truncate(to: 2)
        #expect(try file.byteCount == 2)
        try file.truncate(to: 4)
        #expect(try read(file, 100, at: 0) == Array("he".utf8) + [0, 0])
        try file.syncData()
    }

    @Test func accessIsAsAsked() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/f"
        func open(_ access: File.Access, direct: Bool = false) throws {
            _ = try File(path, access, direct: direct).byteCount
        }
        for direct in [false, true] {
            #expect(throws: Errno.noEntry) { try open(.read, direct: direct) }
            #expect(throws: Errno.noEntry) { try open(.update, direct: direct) }
            try open(.create, direct: direct)
            #expect(throws: Errno.exists) { try open(.create, direct: direct) }
            try open(.updateOrCreate, direct: direct)
            try Directory.removeFile(path)
        }
        try open(.updateOrCreate)
        let file = try File(path, .read)
        #expect(throws: Errno(rawValue: EBADF)) {
            try [1].withUnsafeBytes { try file.write([$0], at: 0) }
        }
    }

    /// Whole blocks pass by the page cache where the file system can do that; elsewhere the same
    /// calls work through it.
    @Test(arguments: [NSTemporaryDirectory(), "/dev/shm"])
    func directFiles(_ base: String) throws {
        guard Directory.exists(base) else { return }
        let path = "\(base)/systemio-direct-\(UUID().uuidString)"
        // The name goes at once; the file lives as long as it is open.
        let file = try File(path, .create, direct: true)
        try Directory.removeFile(path)
        let block = File.directAlignment
        let slab = try Slab(byteCount: 3 * block, alignment: block)
        for index in 0..<slab.byteCount { slab.bytes[index] = UInt8(index % 249) }
        let bytes = UnsafeRawBufferPointer(slab.bytes)
        try file.write(
            [
                UnsafeRawBufferPointer(rebasing: bytes[..<block]),
                UnsafeRawBufferPointer(rebasing: bytes[block...]),
            ], at: block)
        try file.truncate(to: 4 * block - 100)
        let back = try Slab(byteCount: 4 * block, alignment: block)
        #expect(try file.read(into: back.bytes, at: block) == 3 * block - 100)
        #expect(back.bytes[..<(3 * block - 100)].elementsEqual(bytes[..<(3 * block - 100)]))
    }

    @Test func oneHolderLocksAFile() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/lock"
        func claim() throws { try File(path, .updateOrCreate).lock() }
        let first = try File(path, .updateOrCreate)
        try first.lock()
        try first.lock()
        #expect(throws: Errno.wouldBlock) { try claim() }
        _ = consume first
        try claim()
    }

    #if DEBUG
    @Test(arguments: [
        SystemCall.fileWrite, .fileRead, .truncate, .dataSync, .lockFile, .status,
    ])
    func everyCallCanBeMadeToFail(_ call: SystemCall) throws {
        let directory = try TemporaryDirectory()
        let file = try File("\(directory.path)/f", .create)
        func use(_ file: borrowing File) throws {
            try [1, 2].withUnsafeBytes { try file.write([$0], at: 0) }
            _ = try read(file, 1, at: 0)
            try file.truncate(to: 1)
            try file.syncData()
            try file.lock()
            _ = try file.byteCount
        }
        ForcedErrno.during(call, .inputOutput) {
            #expect(throws: Errno.inputOutput) { try use(file) }
        }
        try use(file)
    }
    #endif
}
