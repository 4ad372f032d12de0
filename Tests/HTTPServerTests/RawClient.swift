import Foundation

/// A blocking TCP client on the system's own calls, so that nothing under test tests itself. Every
/// wait is bounded: a test that waits for something that never comes fails instead of hanging.
final class RawClient {
    private var descriptor: Int32
    private var unread: [UInt8] = []
    private static let patienceSeconds = 20

    struct Failure: Error { let what: String, code: Int32 }

    /// - Parameter receiveBuffer: SO_RCVBUF, for a peer that takes little at a time.
    init(port: UInt16, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(what: "socket", code: errno) }
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(4))
        }
        var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(4))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Failure(what: "connect", code: errno) }
    }

    deinit { close() }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Closes with RST instead of FIN.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, size)
        close()
    }

    func halfClose() { shutdown(descriptor, Int32(SHUT_WR)) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(what: "send", code: errno) }
            sent += count
        }
    }

    /// Sends until the peer refuses more; answers how much went out.
    func sendUntilRefused(_ bytes: [UInt8], times: Int) -> Int {
        var sent = 0
        for _ in 0..<times {
            do { try send(bytes) } catch { return sent }
            sent += bytes.count
        }
        return sent
    }

    /// The next bytes; empty at the end of the stream.
    func receiveSome() throws -> [UInt8] {
        if !unread.isEmpty {
            defer { unread = [] }
            return unread
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else { throw Failure(what: "recv", code: errno) }
        return Array(buffer[..<count])
    }

    func receiveToEnd() throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let some = try receiveSome()
            if some.isEmpty { return all }
            all += some
        }
    }

    struct Answer {
        var statusLine = ""
        var fields: [String: String] = [:]
        var body: [UInt8] = []
        var status: Int { Int(statusLine.split(separator: " ").dropFirst().first ?? "") ?? 0 }
        var text: String { String(decoding: body, as: UTF8.self) }
        var closes: Bool { fields["connection"] == "close" }
    }

    /// One whole response. `hasBody: false` is for answers to HEAD.
    func receiveAnswer(hasBody: Bool = true) throws -> Answer {
        var bytes: [UInt8] = []
        var answer = Answer()
        while true {
            let some = try receiveSome()
            guard !some.isEmpty else { throw Failure(what: "end of stream in head", code: 0) }
            let searchFrom = max(0, bytes.count - 3)
            bytes += some
            guard let end = bytes[searchFrom...].firstRange(of: Array("\r\n\r\n".utf8)) else {
                continue
            }
            let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
            let lines = head.components(separatedBy: "\r\n")
            answer.statusLine = lines[0]
            for line in lines.dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                answer.fields[parts[0].lowercased()] = parts[1].trimmingCharacters(
                    in: .whitespaces)
            }
            bytes.removeSubrange(..<end.upperBound)
            break
        }
        let length = hasBody ? Int(answer.fields["content-length"] ?? "0") ?? 0 : 0
        while bytes.count < length {
            let some = try receiveSome()
            guard !some.isEmpty else { throw Failure(what: "end of stream in body", code: 0) }
            bytes += some
        }
        answer.body = Array(bytes[..<length])
        unread = Array(bytes[length...])
        return answer
    }

    func get(_ path: String) throws -> Answer {
        try send("GET \(path) HTTP/1.1\r\nHost: test\r\n\r\n")
        return try receiveAnswer()
    }
}
