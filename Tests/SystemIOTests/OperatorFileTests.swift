import Foundation
import Testing

@testable import SystemIO

@Suite struct OperatorFileTests {
    private let directory: TemporaryDirectory
    private var path: String { "\(directory.path)/f" }

    init() throws { directory = try TemporaryDirectory() }

    private func make(_ text: String, mode: Int = 0o600) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func aFileIsReadUpToItsLimit() throws {
        try make("12345")
        #expect(try OperatorFile(path, limitBytes: 5).bytes == Array("12345".utf8))
        #expect(throws: OperatorFileFault.tooLarge(limitBytes: 4)) {
            try OperatorFile(path, limitBytes: 4)
        }
        try make("")
        #expect(try OperatorFile(path, limitBytes: 0).bytes == [])
    }

    @Test(arguments: [
        (0o600, false), (0o444, false), (0o755, false), (0o620, true), (0o602, true), (0o666, true),
    ])
    func whoMayWriteIsTold(mode: Int, othersMay: Bool) throws {
        try make("x", mode: mode)
        #expect(try OperatorFile(path, limitBytes: 9).permissions.letOthersWrite == othersMay)
    }

    @Test func onlyRegularFilesAreRead() throws {
        #expect(throws: OperatorFileFault.system(.noEntry)) {
            try OperatorFile(path, limitBytes: 9)
        }
        #expect(throws: OperatorFileFault.notRegular) {
            try OperatorFile(directory.path, limitBytes: 9)
        }
        #expect(throws: OperatorFileFault.notRegular) {
            try OperatorFile("/dev/zero", limitBytes: 9)
        }
        // Nobody will ever write to it, and nobody waits for that.
        #expect(mkfifo(path, 0o600) == 0)
        #expect(throws: OperatorFileFault.notRegular) { try OperatorFile(path, limitBytes: 9) }
    }

    private func replace(_ path: String, with text: String) throws {
        let replacement = try FileReplacement(path)
        let old = try replacement.current(limitBytes: 1000)
        try replacement.write(Array(text.utf8), permissions: old?.permissions)
    }

    @Test func aNewFileIsForItsUserAlone() throws {
        try replace(path, with: "new")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
        #expect(try mode(path) == 0o600)
        #expect(try Directory.names(in: directory.path) == ["f"])
    }

    @Test(arguments: [0o600, 0o644, 0o640, 0o400])
    func theModeStays(_ given: Int) throws {
        try make("a long old text", mode: given)
        try replace(path, with: "new")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
        #expect(try mode(path) == given)
    }

    @Test func ofALinkTheFileIsReplaced() throws {
        try make("old")
        let link = "\(directory.path)/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "f")
        try replace(link, with: "new")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "f")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
    }

    @Test func whatACrashHasLeftIsCleared() throws {
        try Data("half".utf8).write(to: URL(fileURLWithPath: path + ".new"))
        try replace(path, with: "new")
        #expect(try Directory.names(in: directory.path) == ["f"])
    }

    @Test func replacementsOfOneDirectoryComeOneAfterAnother() throws {
        DispatchQueue.concurrentPerform(iterations: 8) { [path] number in
            do {
                let replacement = try FileReplacement(path)
                let old = try replacement.current(limitBytes: 1000)
                try replacement.write((old?.bytes ?? []) + [UInt8(number)], permissions: nil)
            } catch {
                Issue.record(error)
            }
        }
        #expect(try OperatorFile(path, limitBytes: 100).bytes.sorted() == Array(0..<8))
    }

    #if DEBUG
    @Test(arguments: [SystemCall.fileWrite, .dataSync, .rename])
    func aFailureLeavesTheOldFile(_ call: SystemCall) throws {
        try make("old")
        #expect(throws: Errno.noSpace) {
            try ForcedErrno.during(call, .noSpace) { try replace(path, with: "new") }
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
        #expect(try Directory.names(in: directory.path) == ["f"])
    }
    #endif
}
