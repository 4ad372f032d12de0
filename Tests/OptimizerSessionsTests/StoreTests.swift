import Dispatch
import Synchronization
import Testing

@testable import OptimizerSessions

@Suite struct ListTests {
    @Test func pagesComeInByteOrder() throws {
        let world = try World()
        for name in ["b", "a.2", "Z", "a", "a-1", "a_1", "0", "a.1"] {
            try world.create(name, .sample(shapes: [[1]]))
        }
        func names(_ page: SessionPage) -> [String] { page.entries.map(\.name) }
        let all = ["0", "Z", "a", "a-1", "a.1", "a.2", "a_1", "b"]
        #expect(names(world.store.list()) == all)
        #expect(world.store.list().nextPageToken == nil)

        var collected: [String] = []
        var token: String?
        repeat {
            let page = world.store.list(pageToken: token, pageSize: 3)
            #expect(page.entries.count <= 3)
            collected += names(page)
            token = page.nextPageToken
        } while token != nil
        #expect(collected == all)

        let dotted = world.store.list(prefixes: ["a."], pageSize: 1)
        #expect(names(dotted) == ["a.1"] && dotted.nextPageToken == "a.1")
        // The page after a session that has been deleted meanwhile starts where it stood.
        try world.remove("a.1")
        let next = world.store.list(prefixes: ["a."], pageToken: "a.1", pageSize: 1)
        #expect(names(next) == ["a.2"] && next.nextPageToken == nil)
        #expect(names(world.store.list(prefixes: ["a."], pageToken: "b")).isEmpty)
        #expect(names(world.store.list(prefixes: ["zz"])).isEmpty)
        #expect(names(world.store.list(prefixes: ["b"], pageToken: "0")) == ["b"])
    }

    /// Pages over several prefixes hold what filtering the whole list would, whatever their size.
    @Test func severalPrefixesAreOneList() throws {
        let world = try World()
        let all = ["a", "a-1", "a-2", "ab", "b", "b.1", "b.2", "b.3", "c", "c1", "d"]
        for name in all { try world.create(name, .sample(shapes: [[1]])) }
        let choices = [
            [], [""], ["a-"], ["a-", "b."], ["a", "c"], ["a-", "b.3", "c1"], ["0", "b", "z"],
            ["a-1", "a-2", "ab", "b.1", "d"], ["x", "y"],
        ]
        for prefixes in choices {
            let held = all.filter { name in prefixes.contains { name.hasPrefix($0) } }
            for pageSize in 1...all.count + 1 {
                var (listed, token): ([String], String?) = ([], nil)
                repeat {
                    let page = world.store.list(
                        prefixes: prefixes, pageToken: token, pageSize: pageSize)
                    listed += page.entries.map(\.name)
                    token = page.nextPageToken
                    // A page is full unless it is the last, and tells no name of others.
                    #expect(token == nil || page.entries.count == pageSize)
                    #expect(token == nil || (token == listed.last && listed != held))
                } while token != nil
                #expect(listed == held)
            }
            // A token that somebody made up is a place among all names.
            for start in all {
                let page = world.store.list(prefixes: prefixes, pageToken: start)
                #expect(page.entries.map(\.name) == held.filter { $0 > start })
            }
        }
    }
}

@Suite struct RaceTests {
    @Test func tenThousandNamesAreCreatedAndDeletedByAll() throws {
        let world = try World(lanes: 2) { $0.sessionCount = 20_000 }
        let specification = try SessionSpecification.sample(shapes: [[1]])
        let created = Atomic(0)
        let removed = Atomic(0)
        let unexpected = Collected<SessionError>()
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for number in 0..<10_000 {
                let name = "s\((number + thread * 17) % 10_000)"
                world.store.create(name, specification) { result in
                    switch result {
                    case .success(let creation):
                        if creation.kind == .created { created.add(1, ordering: .relaxed) }
                    case .failure(let error):
                        unexpected.add(error)
                    }
                }
                guard thread % 2 == 0 else { continue }
                world.store.remove(name) { result in
                    switch result {
                    case .success: removed.add(1, ordering: .relaxed)
                    case .failure(.unknownSession): break
                    case .failure(let error): unexpected.add(error)
                    }
                }
            }
        }
        #expect(unexpected.values.isEmpty)
        let left = created.load(ordering: .relaxed) - removed.load(ordering: .relaxed)
        #expect(world.store.sessionCount == left)
        var listed = 0
        var token: String?
        repeat {
            let page = world.store.list(pageToken: token, pageSize: 1000)
            listed += page.entries.count
            token = page.nextPageToken
            for session in page.entries { try world.remove(session.name) }
        } while token != nil
        #expect(listed == left)
        #expect(world.store.sessionCount == 0)
        #expect(world.store.budget.inUseBytes == 0)
        #expect(world.pool.inUseBytes == 0)
    }

    @Test func manyCreateTheSameAtOnce() throws {
        // Room for one session only: the slower creations must find it and not fail.
        let world = try World(inline: 0) { $0.sessionCount = 1 }
        let specification = try SessionSpecification.sample(shapes: [[1000]])
        let kinds = Collected<Creation.Kind?>()
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            world.store.create("s", specification) { kinds.add(try? $0.get().kind) }
        }
        let all = kinds.wait(for: 8)
        #expect(all.filter { $0 == .created }.count == 1)
        #expect(all.filter { $0 == .repeated }.count == 7)
    }
}
