import SystemIO

/// Sessions that a comparison makes on the service and deletes again.
enum BenchmarkSession {
    /// A session of one parameter vector that is all zero, as the floor server starts with.
    static func create(
        on service: Endpoint, at path: String, count: Int, durability: String
    ) throws {
        let header = """
            {"__metadata__":{"session":"{\\"durability\\":\\"\(durability)\\"}"},\
            "w":{"dtype":"F32","shape":[\(count)],"data_offsets":[0,\(count * 4)]}}
            """
        let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let request = try service.request(
            "PUT", path, type: "application/safetensors",
            bodyBytes: 8 + padded.utf8.count + count * 4
        ) { body in
            body.storeBytes(of: UInt64(padded.utf8.count).littleEndian, as: UInt64.self)
            UnsafeMutableRawBufferPointer(rebasing: body[8...]).copyBytes(from: padded.utf8)
        }
        try administer(service, request, expect: 201)
    }

    static func remove(from service: Endpoint, at path: String) throws {
        try administer(service, try service.request("DELETE", path), expect: 204)
    }

    private static func administer(
        _ service: Endpoint, _ request: Slab, expect status: Int
    ) throws {
        let room = try Slab(byteCount: 1 << 20)
        let answer = try Exchange(service).perform(request, answer: room.bytes)
        guard answer.status == status else { throw Refusal.of(answer, room) }
    }
}
