import Glibc

/// What a client that knows its server needs of an answer's head.
struct AnswerHead {
    let status: Int
    /// Bytes up to and including the empty line.
    let headBytes: Int
    let bodyBytes: Int

    var isSuccess: Bool { (200..<300).contains(status) }

    /// Reads the head at the start of `bytes`; nil while it is not whole.
    init?(_ bytes: UnsafeRawBufferPointer) throws {
        var line = bytes
        var length = 0
        while let start = line.baseAddress, let end = memchr(start, 0x0A, line.count) {
            let lineBytes = UnsafeRawPointer(end) - start + 1
            if lineBytes == 2 {
                try self.init(bytes, headBytes: start + 2 - bytes.baseAddress!, length)
                return
            }
            if lineBytes > 15, strncasecmp(start, "content-length:", 15) == 0 {
                length = Self.number(in: line, from: 15) ?? 0
            }
            if lineBytes > 18, strncasecmp(start, "transfer-encoding:", 18) == 0 {
                throw LoadFailure(description: "the answer's length is not in its head")
            }
            line = UnsafeRawBufferPointer(rebasing: line[lineBytes...])
        }
        return nil
    }

    private init(_ bytes: UnsafeRawBufferPointer, headBytes: Int, _ length: Int) throws {
        guard headBytes > 12, memcmp(bytes.baseAddress!, "HTTP/1.1 ", 9) == 0,
            let status = Self.number(in: bytes, from: 9)
        else { throw LoadFailure(description: "the answer is not HTTP/1.1") }
        self.status = status
        self.headBytes = headBytes
        bodyBytes = status == 204 ? 0 : length
    }

    private static func number(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var index = start
        while index < bytes.count, bytes[index] == UInt8(ascii: " ") { index += 1 }
        var value: Int?
        while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) {
            let digit = Int(bytes[index] &- UInt8(ascii: "0"))
            guard (value ?? 0) < 1 << 50 else { return nil }
            value = (value ?? 0) * 10 + digit
            index += 1
        }
        return value
    }
}

struct LoadFailure: Error, CustomStringConvertible {
    let description: String
}
