import HTTP1
import SystemIO

/// An answer. The server adds Date, Content-Length and, when it closes, Connection.
package struct Response: Sendable {
    package var status: Status
    package var fields: ResponseFields
    package var body: ResponseBody
    /// Closes the connection after this response even if the peer would keep it.
    package var closesConnection: Bool
    /// Why the request was refused, in a word, for counters and logs.
    package var code: String?

    package init(
        status: Status, fields: ResponseFields = ResponseFields(), body: ResponseBody = .empty,
        closesConnection: Bool = false
    ) {
        self.status = status
        self.fields = fields
        self.body = body
        self.closesConnection = closesConnection
    }
}

/// A body whose length is known from the start, in parts that are sent one after another.
package struct ResponseBody: Sendable {
    package private(set) var parts: [BodyPart]
    package private(set) var byteCount: Int

    package static let empty = ResponseBody(parts: [])

    package init(parts: [BodyPart]) {
        self.parts = parts
        byteCount = parts.reduce(0) { $0 + $1.byteCount }
    }

    /// - Parameter owner: lives until the bytes are sent.
    package static func bytes(
        _ bytes: [UInt8], owner: (any AnyObject & Sendable)? = nil
    ) -> ResponseBody {
        ResponseBody(parts: [.bytes(bytes, owner: owner)])
    }

    package mutating func append(_ part: BodyPart) {
        parts.append(part)
        byteCount += part.byteCount
    }
}

package enum BodyPart: Sendable {
    /// The owner, whatever it accounts for, lives until they are sent.
    case bytes([UInt8], owner: (any AnyObject & Sendable)? = nil)
    /// `byteCount` bytes of the slab from `offset` on; clipped to the slab. The slab stays alive
    /// until they are sent.
    case slab(Slab, offset: Int, byteCount: Int)

    package var byteCount: Int {
        switch self {
        case .bytes(let bytes, _): bytes.count
        case .slab(let slab, let offset, let count): Self.range(slab, offset, count).count
        }
    }

    func withUnsafeBytes<Answer>(_ body: (UnsafeRawBufferPointer) -> Answer) -> Answer {
        switch self {
        case .bytes(let bytes, _): bytes.withUnsafeBytes(body)
        case .slab(let slab, let offset, let count):
            withExtendedLifetime(slab) {
                body(UnsafeRawBufferPointer(rebasing: slab.bytes[Self.range(slab, offset, count)]))
            }
        }
    }

    private static func range(_ slab: Slab, _ offset: Int, _ count: Int) -> Range<Int> {
        let start = min(max(0, offset), slab.byteCount)
        return start..<start + min(max(0, count), slab.byteCount - start)
    }
}
