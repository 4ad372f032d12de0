import SystemIO

/// Sessions of one parameter vector that a comparison makes on a server and deletes again. The
/// vector is all zero, as the floor server starts with.
enum BenchmarkSession {
    /// Calls `body` while sessions of these names are there.
    ///
    /// - Parameter body: is given their paths, in the same order.
    static func with<Answer>(
        _ names: [String], on server: Endpoint, count: Int, durability: String = "none",
        _ body: ([String]) throws -> Answer
    ) throws -> Answer {
        let paths = names.map {
            "/v1/sessions/\($0)-\(ProcessEnvironment.processIdentifier)"
        }
        var made: [String] = []
        let answer: Answer
        do {
            for path in paths {
                try create(on: server, at: path, count: count, durability: durability)
                made.append(path)
            }
            answer = try body(paths)
        } catch {
            // What went wrong first is what is told, whether or not the sessions can be deleted.
            for path in made { try? remove(from: server, at: path) }
            throw error
        }
        for path in made { try remove(from: server, at: path) }
        return answer
    }

    private static func create(
        on server: Endpoint, at path: String, count: Int, durability: String
    ) throws {
        let metadata = #""session":"{\"durability\":\"\#(durability)\"}""#
        let file = try SafetensorsFile(count: count, metadata: metadata)
        let request = try server.request(
            "PUT", path, type: StepFormat.safetensors.mediaType, body: file.slab)
        _ = try Exchange(server).perform(request)
    }

    private static func remove(from server: Endpoint, at path: String) throws {
        _ = try Exchange(server).perform(try server.request("DELETE", path))
    }
}
