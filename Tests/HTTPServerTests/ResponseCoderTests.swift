import HTTP1
import SystemIO
import Testing

@testable import HTTPServer

/// Answers coded as a client asks, and back again by the inflating side.
@Suite("A coded answer") struct ResponseCoderTests {
    let pool = SlabPool(limitBytes: 1 << 24, idleBytes: 0)

    private func coder(
        _ accept: String = "gzip", held: String? = nil, pool: SlabPool? = nil
    ) throws -> ResponseCoder? {
        var text = "GET / HTTP/1.1\r\nHost: t\r\n"
        if let held { text += "If-None-Match: \(held)\r\n" }
        var parser = RequestParser(limits: HTTPLimits())
        guard case .head(let head, _) = try Array((text + "\r\n").utf8).withUnsafeBytes({
            bytes in try parser.parse(bytes)
        }) else { return nil }
        return ResponseCoder(
            head, try #require(AcceptEncoding(accept)).choice, pool: pool ?? self.pool
        ) { $0() }
    }

    private func bytes(_ response: Response) -> [UInt8] {
        response.body.parts.flatMap { part in part.withUnsafeBytes { Array($0) } }
    }

    private func inflated(_ response: Response) throws -> Upload.Outcome {
        let name = try #require(response.fields.first("Content-Encoding"))
        var upload = Upload(coding: try #require(ContentCoding(name: name)))
        upload.bounds.compressedBytes = .max
        return try upload.send(bytes(response), to: RecordingReceiver(bufferBytes: 100_000))
    }

    @Test(arguments: ContentCoding.allCases, [1024, 8192, 8193, 100_000, 1_000_000, 5_000_000])
    func isTheSameTextAndShorter(coding: ContentCoding, byteCount: Int) throws {
        let text = Array(CodingSamples.numbers(byteCount / 8)[..<byteCount])
        do {
            let plain = TestHandler.varying(text)
            let coded = try #require(try coder(coding.rawValue)).coded(plain)
            #expect(coded.body.byteCount < byteCount)
            #expect(try inflated(coded) == .body(text))
            #expect(coded.fields.first("Content-Encoding") == coding.rawValue)
            #expect(coded.fields.first("ETag") == "\"1+\(coding.rawValue)\"")
            #expect(coded.fields.first("Vary") == "Accept-Encoding")
            #expect(pool.inUseBytes == coded.body.parts.reduce(0) { $0 + $1.byteCount })
        }
        #expect(pool.inUseBytes == 0)
    }

    @Test(arguments: ContentCoding.allCases, [[0], [1], [40_000, 0, 0, 7], [100_000, 50_000]])
    func isOneTextHoweverManyItsParts(coding: ContentCoding, sizes: [Int]) throws {
        let text = CodingSamples.numbers(40_000)
        var parts: [BodyPart] = []
        var start = 0
        for size in sizes {
            parts.append(.bytes(Array(text[start..<start + size])))
            start += size
        }
        var plain = TestHandler.varying(text)
        plain.body = ResponseBody(parts: parts + [.bytes(Array(text[start...]))])
        let coded = try #require(try coder(coding.rawValue)).coded(plain)
        #expect(try inflated(coded) == .body(text))
        plain.body = ResponseBody(parts: plain.body.parts + [.bytes([])])
        let again = try #require(try coder(coding.rawValue)).coded(plain)
        #expect(bytes(again) == bytes(coded))
    }

    @Test func isLeftAloneWhereNothingIsGained() throws {
        let coder = try #require(try coder())
        func expectPlain(_ response: Response) {
            let same = coder.coded(response)
            #expect(bytes(same) == bytes(response))
            #expect(same.fields == response.fields)
        }
        expectPlain(TestHandler.varying(Array(CodingSamples.numbers(1000)[..<1023])))
        // Random bytes get longer.
        var generator = SystemRandomNumberGenerator()
        let random = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        expectPlain(TestHandler.varying(random))
        // It does not say that it varies.
        expectPlain(Response(status: .ok, body: .bytes(CodingSamples.numbers(1000))))
        #expect(pool.inUseBytes == 0)
    }

    @Test func isLeftAloneWhereMemoryIsShort() throws {
        let text = TestHandler.varying(CodingSamples.numbers(100_000))
        // Without room for zlib, without room for the first block, and for the second.
        for limit in [100_000, 300_000, 700_000] {
            let pool = SlabPool(limitBytes: limit, idleBytes: 0)
            let same = try #require(try coder(pool: pool)).coded(text)
            #expect(same.fields == text.fields)
            #expect(same.body.byteCount == text.body.byteCount)
            #expect(pool.inUseBytes == 0)
        }
    }

    /// As an answer to a change that has happened it cannot be refused.
    @Test func comesAnywayWhenTheClientTakesNoOther() throws {
        let tight = SlabPool(limitBytes: 0, idleBytes: 0)
        let coder = try #require(try coder("gzip, identity;q=0", pool: tight))
        var generator = SystemRandomNumberGenerator()
        let random = (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        for body in [[1], Array(random[..<8192]), random, CodingSamples.numbers(100_000)] {
            #expect(try inflated(coder.coded(TestHandler.varying(body))) == .body(body))
        }
        let empty = coder.coded(TestHandler.varying([]))
        #expect(empty.body.byteCount == 0 && empty.fields.first("Content-Encoding") == nil)
        #expect(tight.inUseBytes == 0)
    }

    @Test(arguments: [
        (nil, #""1""#), (#""1""#, #""1""#), (#""1+gzip""#, #""1+gzip""#),
        (#""0+gzip", W/"1+gzip""#, #""1+gzip""#), (#""1+deflate""#, #""1""#), ("*", #""1""#),
    ] as [(String?, String)])
    func isKnownAgainByItsTag(held: String?, tag: String) throws {
        var response = TestHandler.varying([])
        response.status = .notModified
        let coded = try #require(try coder(held: held)).coded(response)
        #expect(coded.fields.first("ETag") == tag)
        #expect(coded.fields.first("Content-Encoding") == nil)
    }

    @Test func isOnlyForThoseWhoAsk() throws {
        #expect(try coder("identity") == nil)
        #expect(try coder("br") == nil)
        #expect(try coder("*;q=0") == nil)
    }
}
