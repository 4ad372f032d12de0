/// Response heads to bytes, appended to the caller's buffer.
package enum ResponseEncoder {
    /// Who asked: the part of a request that its response's head depends on.
    package struct Recipient: Sendable {
        /// Nil when the request was not understood.
        package var method: Method?
        package var version: Version
        package var keepsAlive: Bool

        package init(method: Method?, version: Version, keepsAlive: Bool) {
            self.method = method
            self.version = version
            self.keepsAlive = keepsAlive
        }
    }

    /// Appends status line, fields, Date, Content-Length and Connection, and the empty line.
    ///
    /// - Parameters:
    ///   - bodyByteCount: length of the body that a GET would be answered with. It is announced to
    ///     HEAD as well, and left out where a status allows no content (RFC 9110 §8.6).
    ///   - date: an IMF-fixdate (RFC 9110 §5.6.7), which every response carries (§6.6.1).
    /// - Returns: whether the body is to be sent after the head.
    @discardableResult
    package static func append(
        _ head: ResponseHead, bodyByteCount: Int, date: [UInt8], to recipient: Recipient,
        into bytes: inout [UInt8]
    ) -> Bool {
        append("HTTP/1.1 ", into: &bytes)
        append(decimal: head.status.code, into: &bytes)
        append(" ", into: &bytes)
        append(head.status.reasonPhrase, into: &bytes)
        append("\r\n", into: &bytes)
        bytes.append(contentsOf: head.fields.bytes)
        append("Date: ", into: &bytes)
        bytes.append(contentsOf: date)
        if head.status.allowsContent {
            append("\r\nContent-Length: ", into: &bytes)
            append(decimal: bodyByteCount, into: &bytes)
        }
        // Each version is told only what differs from its default (RFC 9112 §9.3).
        if !recipient.keepsAlive {
            append("\r\nConnection: close\r\n\r\n", into: &bytes)
        } else if recipient.version == .http10 {
            append("\r\nConnection: keep-alive\r\n\r\n", into: &bytes)
        } else {
            append("\r\n\r\n", into: &bytes)
        }
        return head.status.allowsContent && recipient.method != .head
    }

    /// Appends the interim response that lets a waiting client send its body (RFC 9110 §15.2.1).
    package static func appendContinue(into bytes: inout [UInt8]) {
        append("HTTP/1.1 100 Continue\r\n\r\n", into: &bytes)
    }

    @inline(__always)
    private static func append(_ literal: StaticString, into bytes: inout [UInt8]) {
        literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// - Parameter number: not negative.
    package static func append(decimal number: Int, into bytes: inout [UInt8]) {
        var first = bytes.count
        var rest = number
        repeat {
            bytes.append(UInt8(truncatingIfNeeded: 0x30 + rest % 10))
            rest /= 10
        } while rest > 0
        var last = bytes.count - 1
        while first < last {
            bytes.swapAt(first, last)
            first += 1
            last -= 1
        }
    }
}
