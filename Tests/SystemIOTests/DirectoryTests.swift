import Foundation
import Testing

@testable import SystemIO

@Suite struct DirectoryTests {
    private func make(_ path: String, _ text: String = "") throws {
        let file = try File(path, .create)
        try Array(text.utf8).withUnsafeBytes { try file.write([$0], at: 0) }
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }

    @Test(arguments: ["a", "a/b/c", "a/b/", "a//b", "a/b//", "./a/b"])
    func directoriesAreMadeWithThoseAbove(_ name: String) throws {
        let base = try TemporaryDirectory()
        let path = "\(base.path)/\(name)"
        #expect(!Directory.exists(path))
        try Directory.create(path)
        try Directory.create(path)
        try make("\(path)/file")
        #expect(try Directory.names(in: path) == ["file"])
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o700)
    }

    @Test func whatCannotBeMadeSaysWhy() throws {
        let base = try TemporaryDirectory()
        try make("\(base.path)/file")
        #expect(throws: Errno(rawValue: ENOTDIR)) {
            try Directory.create("\(base.path)/file/below")
        }
        #expect(throws: Errno.noEntry) { try Directory.create("") }
    }

    @Test func namesAreInByteOrder() throws {
        let base = try TemporaryDirectory()
        let names = ["b", "a", ".hidden", "B", "a-2", "a-10", "ä", "z z"]
        for name in names { try make("\(base.path)/\(name)") }
        try Directory.create("\(base.path)/c")
        let found = try Directory.names(in: base.path)
        let expected = (names + ["c"]).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        #expect(found == expected)
        #expect(throws: Errno.noEntry) { try Directory.names(in: "\(base.path)/missing") }
        #expect(throws: Errno(rawValue: ENOTDIR)) { try Directory.names(in: "\(base.path)/a") }
    }

    @Test func aRenamedFileTakesAnothersPlace() throws {
        let base = try TemporaryDirectory()
        let (old, new) = ("\(base.path)/old", "\(base.path)/new")
        try make(old, "one")
        try make(new, "two")
        try Directory.rename(old, to: new)
        try Directory.sync(base.path)
        #expect(try Directory.names(in: base.path) == ["new"])
        #expect(try text(new) == "one")
        #expect(throws: Errno.noEntry) { try Directory.rename(old, to: new) }
        #expect(throws: Errno.noEntry) { try Directory.sync(old) }
        #expect(throws: Errno(rawValue: ENOTDIR)) { try Directory.sync(new) }
    }

    @Test func treesGo() throws {
        let base = try TemporaryDirectory()
        let tree = "\(base.path)/tree"
        try Directory.removeTree(tree)
        try Directory.create(tree)
        for index in 0..<50 { try make("\(tree)/\(index)") }
        try Directory.removeTree(tree)
        #expect(!Directory.exists(tree))
        #expect(throws: Errno.noEntry) { try Directory.removeFile(tree) }
    }

    #if DEBUG
    @Test(arguments: [SystemCall.listDirectory, .remove])
    func aTreeThatStaysSaysWhy(_ call: SystemCall) throws {
        let base = try TemporaryDirectory()
        try make("\(base.path)/file")
        ForcedErrno.during(call, .readOnlyFileSystem) {
            #expect(throws: Errno.readOnlyFileSystem) { try Directory.removeTree(base.path) }
        }
        #expect(try Directory.names(in: base.path) == ["file"])
    }

    @Test func crashPointsAreArmedByTheirText() {
        for text in ["", "after-append", "after-append:0", "after-append:x", "nowhere:1", "a:1:2"] {
            #expect(!CrashPoint.arm(text), "\(text)")
        }
        #expect(CrashPoint.allCases.allSatisfy { !$0.isNext })
    }
    #endif
}
