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
    ///   - date: an IMF-fixdate (RFC 9110 §5.6.7), or empty for none.
    /// - Returns: whether the body is to be sent after the head.
    @discardableResult
    package static func append(
        _ head: ResponseHead, bodyByteCount: Int, date: [UInt8], to recipient: Recipient,
        into bytes: inout [UInt8]
    ) -> Bool {
        appendStatusLine(head.status, into: &bytes)
        bytes.append(contentsOf: head.fields.bytes)
        if !date.isEmpty {
            append("Date: ", into: &bytes)
            bytes.append(contentsOf: date)
            append("\r\n", into: &bytes)
        }
        if head.status.allowsContent {
            append("Content-Length: ", into: &bytes)
            append(decimal: bodyByteCount, into: &bytes)
            append("\r\n", into: &bytes)
        }
        // Each version is told only what differs from its default (RFC 9112 §9.3).
        if !recipient.keepsAlive {
            append("Connection: close\r\n", into: &bytes)
        } else if recipient.version == .http10 {
            append("Connection: keep-alive\r\n", into: &bytes)
        }
        append("\r\n", into: &bytes)
        return head.status.allowsContent && recipient.method != .head
    }

    /// Appends the interim response that lets a waiting client send its body (RFC 9110 §15.2.1).
    package static func appendContinue(into bytes: inout [UInt8]) {
        append("HTTP/1.1 100 Continue\r\n\r\n", into: &bytes)
    }

    private static func appendStatusLine(_ status: Status, into bytes: inout [UInt8]) {
        append("HTTP/1.1 ", into: &bytes)
        append(decimal: status.code, into: &bytes)
        bytes.append(.space)
        append(status.reasonPhrase, into: &bytes)
        append("\r\n", into: &bytes)
    }

    @inline(__always)
    private static func append(_ literal: StaticString, into bytes: inout [UInt8]) {
        literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// - Parameter number: not negative.
    private static func append(decimal number: Int, into bytes: inout [UInt8]) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(truncatingIfNeeded: 0x30 + number / divisor % 10))
            divisor /= 10
        }
    }
}
