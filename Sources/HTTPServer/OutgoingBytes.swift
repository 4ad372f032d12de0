import HTTP1
import SystemIO

/// What waits to be written to a connection: encoded heads (and small bodies behind them), then
/// the parts of a body where they lie. Partial writes resume where they stopped.
struct OutgoingBytes {
    /// A body up to this size is copied behind its head, so that one plain `send` takes both;
    /// larger ones are gathered from where they lie.
    static let inlineBodyBytes = 2048
    /// What the head buffer may keep for the next response.
    private static let keptHeadBytes = 4096

    private var head: [UInt8] = []
    private var parts: [BodyPart] = []
    private var headSent = 0
    private var partIndex = 0
    private var partSent = 0

    var isEmpty: Bool { headSent == head.count && partIndex == parts.count }

    mutating func appendContinue() {
        ResponseEncoder.appendContinue(into: &head)
    }

    mutating func append(
        _ response: Response, date: [UInt8], to recipient: ResponseEncoder.Recipient
    ) {
        let responseHead = ResponseHead(status: response.status, fields: response.fields)
        let sendsBody = ResponseEncoder.append(
            responseHead, bodyByteCount: response.body.byteCount, date: date, to: recipient,
            into: &head)
        guard sendsBody else { return }
        if response.body.byteCount <= Self.inlineBodyBytes {
            for part in response.body.parts {
                part.withUnsafeBytes { head.append(contentsOf: $0) }
            }
        } else {
            parts = response.body.parts
        }
        skipEmptyParts()
    }

    /// Makes one call with up to about `limit` bytes, and remembers how much of it was taken.
    ///
    /// - Returns: the call's answer and the number of bytes that were offered to it.
    mutating func write(
        to transport: some Transport, _ list: inout GatherList, limit: Int
    ) -> (answer: IOResult, offered: Int) {
        list.removeAll()
        let answer = head.withUnsafeBytes { bytes in
            list.append(UnsafeRawBufferPointer(rebasing: bytes[headSent...]))
            return gather(partIndex, from: partSent, limit, transport, &list)
        }
        if case .bytes(let count) = answer { advance(count) }
        return (answer, list.byteCount)
    }

    /// Adds the parts from `index` on and sends innermost, where every span is still pinned.
    private func gather(
        _ index: Int, from offset: Int, _ limit: Int, _ transport: some Transport,
        _ list: inout GatherList
    ) -> IOResult {
        guard index < parts.count, !list.isFull, list.byteCount < limit else {
            return transport.send(list)
        }
        return parts[index].withUnsafeBytes { bytes in
            let count = min(bytes.count - offset, limit - list.byteCount)
            list.append(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
            return gather(index + 1, from: 0, limit, transport, &list)
        }
    }

    private mutating func advance(_ count: Int) {
        let ofHead = min(count, head.count - headSent)
        headSent += ofHead
        var rest = count - ofHead
        while rest > 0, partIndex < parts.count {
            let ofPart = min(rest, parts[partIndex].byteCount - partSent)
            partSent += ofPart
            rest -= ofPart
            if partSent == parts[partIndex].byteCount { nextPart() }
        }
        skipEmptyParts()
        if isEmpty { reset() }
    }

    private mutating func nextPart() {
        partIndex += 1
        partSent = 0
    }

    private mutating func skipEmptyParts() {
        while partIndex < parts.count, parts[partIndex].byteCount == 0 { nextPart() }
    }

    /// Lets go of the body at once, and of a head buffer that grew beyond the usual.
    private mutating func reset() {
        if head.capacity > Self.keptHeadBytes {
            head = []
        } else {
            head.removeAll(keepingCapacity: true)
        }
        parts = []
        headSent = 0
        partIndex = 0
        partSent = 0
    }
}
