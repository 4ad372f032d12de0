import Foundation
import SystemIO
import Testing

@testable import OptimizerSessions

@Suite struct DataDirectoryTests {
    @Test func oneProcessServesADirectory() throws {
        let directory = try TemporaryDirectory()
        func claim() throws -> String { try DataDirectory(directory.path).path }
        let first = try DataDirectory(directory.path)
        let error = DataDirectoryFault.inUse(path: directory.path)
        #expect(throws: error) { _ = try claim() }
        #expect(try directory.names() == ["format", "lock", "sessions"])
        #expect(try directory.bytes("format") == Array("optimizerd data 1\n".utf8))
        #expect(first.path == directory.path)
        _ = consume first
        #expect(try claim() == directory.path)
    }

    @Test(arguments: ["optimizerd data 2\n", "optimizerd data 10\nmore"])
    func newerFormatsAreRefused(_ text: String) throws {
        let directory = try TemporaryDirectory()
        try directory.write(Array(text.utf8), to: "format")
        let error = #expect(throws: DataDirectoryFault.self) {
            _ = try DataDirectory(directory.path).path
        }
        guard case .newer(directory.path, let version)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(version > DirectoryClaim.formatVersion)
        #expect(error?.description.contains("format \(version)") ?? false)
        #expect(try directory.bytes("format") == Array(text.utf8))
    }

    @Test(arguments: ["", "optimizerd data", "optimizerd data x\n", "something else\n"])
    func otherFormatsAreNone(_ text: String) throws {
        let directory = try TemporaryDirectory()
        try directory.write(Array(text.utf8), to: "format")
        #expect(throws: DataDirectoryFault.notOne(path: directory.path)) {
            _ = try DataDirectory(directory.path).path
        }
    }

    @Test func anUnfinishedFormatIsWrittenAgain() throws {
        let directory = try TemporaryDirectory()
        try directory.write(Array("opt".utf8), to: "format.new")
        _ = try DataDirectory(directory.path).path
        #expect(try directory.bytes("format") == Array("optimizerd data 1\n".utf8))
        #expect(try !directory.names().contains("format.new"))
    }

    @Test(arguments: ["new/deep/data", "new/data/", "data//"])
    func theDirectoryIsMade(_ name: String) throws {
        let directory = try TemporaryDirectory()
        _ = try DataDirectory("\(directory.path)/\(name)").path
        #expect(Directory.exists("\(directory.path)/\(name)/sessions"))
    }

    /// A wrong word on the command line does not strew files over somebody's home.
    @Test func aDirectoryOfOtherFilesIsLeftAlone() throws {
        let directory = try TemporaryDirectory()
        try directory.write([1], to: "thesis.tex")
        let error = DataDirectoryFault.notOne(path: directory.path)
        #expect(throws: error) { _ = try DataDirectory(directory.path).path }
        #expect(throws: error) { _ = try DataDirectory(reading: directory.path).path }
        #expect(try directory.names() == ["thesis.tex"])
        try Directory.removeFile("\(directory.path)/thesis.tex")
        try Directory.create("\(directory.path)/lost+found")
        #expect(throws: error) { _ = try DataDirectory(reading: directory.path).path }
        #expect(try DataDirectory(directory.path).path == directory.path)
    }

    @Test func readingChangesNothing() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        try directory.write(Array("optimizerd data 1\n".utf8), to: "format")
        try Directory.create("\(path)/sessions")
        #expect(try DataDirectory(reading: path).path == path)
        #expect(try directory.names() == ["format", "sessions"])
        func read() throws -> String { try DataDirectory(reading: path).path }
        do {
            let served = try DataDirectory(path)
            #expect(throws: DataDirectoryFault.inUse(path: path)) { _ = try read() }
            #expect(served.path == path)
        }
        #expect(try read() == path)
        let missing = "\(path)/no"
        #expect(throws: DataDirectoryFault.unusable(path: missing, .noEntry)) {
            _ = try DataDirectory(reading: missing).path
        }
    }

    /// Somebody has put an old copy beside a session.
    @Test func theLatestOfTwoLivesIsServed() throws {
        let directory = try TemporaryDirectory()
        do {
            let world = try World(directory: directory)
            try world.create("s", try durableSample())
            try FileManager.default.copyItem(
                atPath: "\(directory.path)/sessions/s@1", toPath: "\(directory.path)/copy")
            try world.remove("s")
            let second = try world.session("s", try durableSample())
            try second.take(gradients(6))
            world.store.archive?.librarian.sync {}
        }
        let old = "\(directory.path)/sessions/s@1"
        try FileManager.default.moveItem(atPath: "\(directory.path)/copy", toPath: old)
        do {
            let world = try World(directory: directory)
            #expect(try world.store.session(named: "s").tag == SessionTag(generation: 2, step: 1))
            #expect(world.store.sessionCount == 1)
            let passedOver = world.events.values.compactMap { event -> String? in
                guard case .superseded(let path) = event else { return nil }
                return path
            }
            #expect(passedOver == [old])
        }
        let reports = try directory.claim().check()
        #expect(reports.map(\.session) == ["s", "s"])
        #expect(reports.map { $0.fault == nil } == [true, false])
    }

    @Test func whatCannotBeUsedSaysWhy() throws {
        let directory = try TemporaryDirectory()
        try directory.write([], to: "file")
        let path = "\(directory.path)/file"
        let error = #expect(throws: DataDirectoryFault.self) { _ = try DataDirectory(path).path }
        #expect(error?.description.contains(path) ?? false)
        try Directory.removeFile(path)
        #if DEBUG
        for (call, reason) in [
            (SystemCall.makeDirectory, Errno.readOnlyFileSystem), (.open, .notPermitted),
            (.lockFile, .inputOutput), (.fileWrite, .noSpace),
        ] {
            ForcedErrno.during(call, reason) {
                let error = DataDirectoryFault.unusable(path: directory.path, reason)
                #expect(throws: error) { _ = try DataDirectory(directory.path).path }
            }
        }
        #endif
    }

    @Test func aDeletedSessionIsARetiredName() throws {
        let bench = try LedgerBench()
        let directory = bench.directory
        let place = try bench.begin("run", 2)
        #expect(try bench.archive.directory.inventory().places == [place])
        try bench.archive.directory.retire(place, lastGeneration: 9)
        let retired = RetiredName(session: "run", lastGeneration: 9)
        let inventory = try bench.archive.directory.inventory()
        #expect(inventory.places == [] && inventory.retired == [retired])
        #expect(try directory.names("sessions/run@retired-9").count == 1)
        bench.archive.clear(retired)
        #expect(try directory.names("sessions/run@retired-9") == [])
        try bench.archive.directory.raiseFloor(to: 5)
        bench.archive.forget(retired)
        bench.archive.forget(retired)
        #expect(try directory.names("sessions") == ["@retired-5"])
        #expect(bench.events.values.isEmpty)
    }

    @Test func erasingAnswersOnceTheNameIsRetired() throws {
        let bench = try LedgerBench()
        let ledger = try bench.ledger(try bench.begin("run", 2))
        let answers = Collected<Bool>()
        ledger.append(
            try .sample(1), after: 0, written: { _ in }, durable: { answers.add($0.isSuccess) })
        #expect(answers.wait(for: 1) == [true])
        let erased = Collected<[String]>()
        ledger.erase(lastGeneration: 4) { _ in
            erased.add((try? bench.directory.names("sessions")) ?? [])
        }
        #expect(erased.wait(for: 1) == [["run@retired-4"]])
        bench.archive.librarian.sync {}
        #expect(try bench.directory.names("sessions/run@retired-4") == [])
        #expect(try bench.directory.openFileCount("/log-") == 0)
    }

    @Test func namesInTheDirectory() {
        for text in ["run@retired-3", "@retired-1", "a.b-c@retired-12"] {
            #expect(RetiredName(text)?.text == text)
        }
        let others = [
            "run@3", "run@retired-", "run@retired-0", "run@retired--1", "x", "a b@retired-1",
        ]
        for text in others {
            #expect(RetiredName(text) == nil, "\(text)")
        }
    }

    @Test func namesOfFiles() {
        let most = DataDirectory.highestNumber
        let names: [LedgerFileName] = [
            .segment(after: 0), .segment(after: 12), .segment(after: most),
            .snapshot(SnapshotReference(position: 5, step: 0)),
            .snapshot(SnapshotReference(position: most, step: most)), .unfinished("anything"),
        ]
        for name in names { #expect(LedgerFileName(name.text) == name) }
        #expect(LedgerFileName.segment(after: 120).text == "log-00000000000000000120")
        let others = [
            "log-12", "log-0\(Int.max)", "log-0000000000000000000x", "log-99999999999999999999",
            "lock", "",
            "snapshot-00000000000000000001.safetensors",
            "snapshot-00000000000000000001--1.safetensors",
            "snapshot-00000000000000000001-2-3.safetensors",
            "snapshot-00000000000000000001-02.safetensors",
            "snapshot-00000000000000000001-1.safetensors.damaged",
        ]
        for name in others { #expect(LedgerFileName(name) == nil, "\(name)") }
    }

    /// Somebody else's files, and names that none of ours has, are left alone.
    @Test func foreignNamesAreNoSessions() throws {
        let bench = try LedgerBench()
        for name in ["run", "run@", "run@0", "run@01", "run@-1", "a b@1", "@1", "r@1@2"] {
            try Directory.create("\(bench.directory.path)/sessions/\(name)")
        }
        let inventory = try bench.archive.directory.inventory()
        #expect(inventory.places == [] && inventory.retired == [])
    }
}
