import Foundation
import HTTP1
import SystemIO

@testable import HTTPServer

/// Bytes that Python's zlib made, of a text with a repetition in it.
enum CodingSamples {
    static let text = Array(
        "An optimizer keeps two moments of every gradient, two moments of every gradient.".utf8)

    private static let deflated = """
        73cc53c82f28c9cccdac4a2d52c84e4d2d28562829cf57c8cdcf4dcd2b2956c84f53482d4b2daa54482f4a4c\
        c9040ae9e097d60300
        """
    private static let trailer = "0069bfc150000000"

    static let bare = bytes(deflated)
    static let zlib = bytes("78da" + deflated + "bc501ddb")
    static let gzip = bytes("1f8b0800000000000203" + deflated + trailer)
    /// With an extra field, a name, a comment and the header's checksum.
    static let fullGzip = bytes(
        "1f8b081f010203040003050061620100786e616d6500636f6d6d656e74000f61" + deflated + trailer)
    /// Refers to a dictionary that both sides would have to know.
    static let withDictionary = bytes(
        """
        78f90ebb034f73cc53c82f28c9cccdac4a2d52c84e4d2d28562829cf57c8cdcf054a162be4a729a496a51655\
        2aa443d5ebe097d60300bc501ddb
        """)

    static func coded(_ coding: ContentCoding) -> [UInt8] { coding == .gzip ? gzip : zlib }

    /// By the product's own compressor, for what is too long to stand here.
    static func compress(_ bytes: [UInt8], _ coding: ContentCoding = .gzip) throws -> [UInt8] {
        let pool = SlabPool(limitBytes: 1 << 30, idleBytes: 0)
        struct NotCompressed: Error {}
        guard let body = Deflater.compressed(
            .bytes(bytes), coding, mustSucceed: true, pool: pool)
        else { throw NotCompressed() }
        return body.parts.flatMap { part in part.withUnsafeBytes { Array($0) } }
    }

    /// Numbers in decimal that nobody has chosen.
    static func numbers(_ count: Int) -> [UInt8] {
        var state: UInt64 = 1
        return Array((0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return "0.\(state >> 40)"
        }.joined(separator: ",").utf8)
    }

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex)
        return stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(digits[$0...$0 + 1]), radix: 16)
        }
    }
}

/// Takes a body like an endpoint's, and keeps a record of how it ended.
final class RecordingReceiver: BodyReceiver {
    private let memory: UnsafeMutableRawBufferPointer
    private let limit: Int
    private let refuseAt: Int
    private(set) var body: [UInt8] = []
    private(set) var ends: [String] = []

    init(bufferBytes: Int = 7, limit: Int = .max, refuseAt: Int = .max) {
        memory = .allocate(byteCount: bufferBytes, alignment: 64)
        self.limit = limit
        self.refuseAt = refuseAt
    }

    deinit { memory.deallocate() }

    func nextBuffer() -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[..<min(memory.count, limit - body.count)])
    }

    func received(_ count: Int) -> Response? {
        body += memory[..<count]
        guard body.count >= refuseAt else { return nil }
        ends.append("refused")
        return Response(status: .unprocessableContent)
    }

    func overflowed() -> Response {
        ends.append("overflowed")
        return Response(status: .contentTooLarge)
    }

    func complete(_ responder: Responder) {
        ends.append("complete")
        responder.send(Response(status: .ok))
    }

    func cancelled() { ends.append("cancelled") }
}

/// Stands where a connection would, and runs what is to run later when it is told to.
final class RecordingRecipient: ReplyRecipient, @unchecked Sendable {
    private(set) var replies: [Reply] = []
    private var work: [@Sendable () -> Void] = []

    func take(_ reply: Reply) { replies.append(reply) }

    func runLater(_ work: @escaping @Sendable () -> Void) { self.work.append(work) }

    /// - Returns: how many pieces of work there were.
    func runAll() -> Int {
        var count = 0
        while !work.isEmpty {
            work.removeFirst()()
            count += 1
        }
        return count
    }

    var statuses: [Status] {
        replies.map { reply in
            switch reply {
            case .response(let response): response.status
            case .dropped: .internalServerError
            }
        }
    }

    static let context = RequestContext(
        requestID: "test", peer: .v4(0x7f00_0001, port: 1), isDraining: false,
        received: .distantFuture)

    func responder() -> Responder {
        Responder(context: Self.context, isAlone: false, recipient: self)
    }
}
