import SystemIO

/// A request as it goes over the wire. Requests for several paths may share one body.
struct Request {
    private let head: Slab
    private let body: Slab?

    var byteCount: Int { head.byteCount + (body?.byteCount ?? 0) }

    /// - Parameter isLast: asks the server to close the connection after the answer.
    init(
        _ method: String, _ path: String, at authority: String, type: String? = nil,
        body: Slab? = nil, isLast: Bool = false
    ) throws {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: \(authority)\r\n"
        if let type { text += "Content-Type: \(type)\r\n" }
        if let body { text += "Content-Length: \(body.byteCount)\r\n" }
        if isLast { text += "Connection: close\r\n" }
        text += "\r\n"
        head = try Slab(byteCount: text.utf8.count)
        head.bytes.copyBytes(from: text.utf8)
        self.body = body
    }

    /// Of a body's bytes, offered to one call. A call that moves many more keeps its processor from
    /// whoever else wants it for milliseconds, on kernels that do not preempt themselves.
    static let pieceBytes = 256 << 10

    /// Appends what comes next when `sent` bytes have gone: the head and at most one piece of the
    /// body.
    ///
    /// - Returns: whether that is the request's end, so that the next one may follow.
    func append(to list: inout GatherList, after sent: Int) -> Bool {
        if sent < head.byteCount {
            list.append(UnsafeRawBufferPointer(rebasing: head.bytes[sent...]))
        }
        guard let body else { return true }
        let start = max(0, sent - head.byteCount)
        let end = min(start + Self.pieceBytes, body.byteCount)
        list.append(UnsafeRawBufferPointer(rebasing: body.bytes[start..<end]))
        return end == body.byteCount
    }
}
