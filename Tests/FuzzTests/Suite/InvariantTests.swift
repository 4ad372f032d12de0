import Testing

@testable import HTTP1
@testable import OptimizerSessions
@testable import TensorFormats

/// Each invariant finds a reader that is wrong in one small way.
@Suite("The invariants can fail")
struct InvariantTests {
    private func head(_ text: String) throws -> (RequestHead, [UInt8]) {
        var parser = RequestParser()
        let bytes = Array(text.utf8)
        guard case .head(let head, _) = try parser.parse(bytes.span) else { throw Finding(text) }
        return (head, bytes)
    }

    /// A parser that says something else than what the bytes of the head say.
    @Test(arguments: [
        ("POST /a HTTP/1.1\r\nHost: a\r\n\r\n", "POST /b HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("PUT /a HTTP/1.1\r\nHost: a\r\n\r\n", "PUT /a HTTP/1.0\r\nHost: a\r\n\r\n"),
        ("PUT /a HTTP/1.1\r\nHost: a\r\n\r\n", "PUT /a HTTP/1.1\r\nHost: a\n\r\n\r\n"),
        (
            "PUT /a HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n",
            "PUT /a HTTP/1.1\r\nHost: a\r\nB: d\r\n\r\n"
        ),
        (
            "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
            "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
        ),
        (
            "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
            "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        ),
        (
            "PUT /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "PUT /a HTTP/1.1\r\nHost: a\r\nConnection: clone\r\n\r\n"
        ),
    ])
    func heads(_ understood: String, _ sent: String) throws {
        let (head, bytes) = try head(understood)
        try HeadAudit(head, bytes, HTTPLimits()).check()
        #expect(throws: Finding.self) {
            try HeadAudit(head, Array(sent.utf8), HTTPLimits()).check()
        }
        var narrow = HTTPLimits()
        narrow.requestLineBytes = 4
        #expect(throws: Finding.self) { try HeadAudit(head, bytes, narrow).check() }
    }

    @Test func chunkedBodies() throws {
        let body = "3;a\r\nabc\r\n0\r\nA: b\r\n\r\n"
        let good = ReferenceChunked.read(Array(body.utf8), HTTPLimits())
        #expect(good?.data == Array("abc".utf8) && good?.consumed == body.utf8.count)
        for wrong in [
            "3;a\r\nabcd\r\n0\r\n\r\n", "3a\r\nabc\r\n0\r\n\r\n", "3;\ra\r\nabc\r\n0\r\n\r\n",
            "3;a\r\nabc\r\n0\r\nA\r\n\r\n", "3 a\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\n",
        ] {
            #expect(ReferenceChunked.read(Array(wrong.utf8), HTTPLimits()) == nil, "\(wrong)")
        }
    }

    /// A reader that accepts a comma in front of a bracket, and one that does not look behind the
    /// end of the data.
    @Test func references() throws {
        #expect(ReferenceJSON.parse(Array("[1,2]".utf8)) != nil)
        #expect(ReferenceJSON.parse(Array("[1,2,]".utf8)) == nil)
        let tensor = try TensorDescription(name: "w", dtype: .U8, shape: [2])
        let file = try SafetensorsWriter.header(tensors: [tensor]) + [1, 2]
        #expect(ReferenceSafetensors.accepts(file))
        #expect(!ReferenceSafetensors.accepts(file + [3]))
    }

    /// An example of RFC 3720, appendix B.4, and the one that every catalogue has.
    @Test func checksums() {
        #expect(SlowChecksum.crc32c([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(SlowChecksum.crc32c("123456789".utf8) == 0xe306_9283)
    }

    /// Without mending, an input that was made up never gets as far as a record.
    @Test func mendedRecords() throws {
        let seed = try Seed.all(of: .log).first { $0.name == "segment-8" }
        var bytes = try #require(seed).bytes
        let whole = try ReadLog(bytes, .segment)
        #expect(whole.records.count > 2 && whole.verdict == .end)
        #expect(MendedRecords.mend(bytes) == bytes)
        bytes[RecordLayout.headerBytes + 5] ^= 1
        #expect(try ReadLog(bytes, .segment).records.isEmpty)
        let mended = try ReadLog(MendedRecords.mend(bytes), .segment)
        #expect(mended.records.count == whole.records.count)
    }

    /// A target that takes everything for refused would find nothing.
    @Test func stateFiles() throws {
        let seeds = try Seed.all(of: .state).filter { $0.name.count < 40 }
        for seed in seeds {
            let isTaken = (try? StateTarget.read(seed.bytes)) != nil
            #expect(isTaken == !seed.name.hasPrefix("refused-"), "\(seed.name)")
        }
        #expect(seeds.count > 15)
    }
}
