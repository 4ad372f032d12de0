import SystemIO

/// Answers out of one stream, one behind the other: the caller receives into `space` and says how
/// much came, then takes answers until none is whole.
///
/// Bodies are kept in a room, or dropped where there is none. What of a body the window does not
/// hold already goes into the room without a copy.
struct AnswerReader {
    /// The last answer's body starts here; it has to fit.
    let room: Slab?
    /// The start of the body of an answer that is no success, for people.
    private(set) var refusal: [UInt8] = []

    private let window: Slab
    /// Where in the window bytes lie that have arrived and were not taken yet.
    private var unread = 0..<0
    /// The answer whose body is arriving, and how much of the body has been taken.
    private var head: AnswerHead?
    private var bodyTaken = 0

    private static let refusalBytes = 1000

    init(room: Slab?) throws {
        self.room = room
        window = try Slab(byteCount: 64 * 1024, zeroed: true)
    }

    /// Whether a part of an answer has arrived.
    var isAmidAnswer: Bool { head != nil || !unread.isEmpty }

    /// Where the next bytes go; never empty while an answer is awaited.
    mutating func space() throws -> UnsafeMutableRawBufferPointer {
        if let head, let room, goesStraight {
            let end = min(bodyTaken + Request.pieceBytes, head.bodyBytes)
            return UnsafeMutableRawBufferPointer(rebasing: room.bytes[bodyTaken..<end])
        }
        if unread.isEmpty { unread = 0..<0 }
        if unread.upperBound == window.byteCount {
            guard unread.lowerBound > 0 else {
                throw LoadFailure(description: "the answer's head is too long")
            }
            window.base.copyMemory(
                from: window.base + unread.lowerBound, byteCount: unread.count)
            unread = 0..<unread.count
        }
        return UnsafeMutableRawBufferPointer(rebasing: window.bytes[unread.upperBound...])
    }

    /// So many bytes have been received into `space`.
    mutating func received(_ count: Int) {
        if goesStraight {
            bodyTaken += count
        } else {
            unread = unread.lowerBound..<unread.upperBound + count
        }
    }

    /// The next answer that is whole.
    mutating func next() throws -> AnswerHead? {
        guard let head = try head ?? beginAnswer() else { return nil }
        let part = unread.prefix(head.bodyBytes - bodyTaken)
        take(UnsafeRawBufferPointer(rebasing: window.bytes[part]), of: head)
        unread = part.upperBound..<unread.upperBound
        guard bodyTaken == head.bodyBytes else { return nil }
        self.head = nil
        return head
    }

    private var goesStraight: Bool {
        guard let head, room != nil else { return false }
        return unread.isEmpty && head.isSuccess
    }

    private mutating func beginAnswer() throws -> AnswerHead? {
        let bytes = UnsafeRawBufferPointer(rebasing: window.bytes[unread])
        guard let found = try AnswerHead(bytes) else { return nil }
        if let room, found.bodyBytes > room.byteCount {
            throw LoadFailure(description: "the answer's body is too long")
        }
        unread = unread.lowerBound + found.headBytes..<unread.upperBound
        head = found
        bodyTaken = 0
        refusal = []
        return found
    }

    private mutating func take(_ bytes: UnsafeRawBufferPointer, of head: AnswerHead) {
        if !head.isSuccess {
            refusal += bytes.prefix(Self.refusalBytes - refusal.count)
        } else if let room {
            UnsafeMutableRawBufferPointer(rebasing: room.bytes[bodyTaken...]).copyMemory(
                from: bytes)
        }
        bodyTaken += bytes.count
    }
}
