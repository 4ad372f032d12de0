import CLinux
import Glibc

/// A connection whose calls never block and never raise SIGPIPE.
package struct StreamSocket: ~Copyable, Sendable {
    package let descriptor: Descriptor

    init(descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// Starts to connect; the connection stands once the socket is writable and a first transfer
    /// does not fail.
    package init(connectingTo address: SocketAddress) throws(Errno) {
        let descriptor = try makeStreamSocket(family: address.family)
        if address.family != AF_UNIX {
            try setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        }
        let number = descriptor.number
        do {
            try check(.connect, on: number) {
                address.withKernelForm { connect(number, $0, $1) }
            }
        } catch {
            guard error == .inProgress else { throw error }
        }
        self.init(descriptor: descriptor)
    }

    /// Up to `buffer.count` bytes. An empty buffer asks for nothing and gets `.bytes(0)`.
    @inline(__always)
    package func receive(into buffer: UnsafeMutableRawBufferPointer) -> IOResult {
        if buffer.count == 0 { return .bytes(0) }
        let number = descriptor.number
        let answer = transfer(.receive, on: number) {
            recv(number, buffer.baseAddress, buffer.count, 0)
        }
        return answer == .bytes(0) ? .endOfStream : answer
    }

    package func send(_ bytes: UnsafeRawBufferPointer) -> IOResult {
        let number = descriptor.number
        return transfer(.send, on: number) {
            Glibc.send(number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        }
    }

    /// Sends the list's spans as one stream; the answer may cover only a first part of it.
    package func send(_ list: borrowing GatherList) -> IOResult {
        if let only = list.onlySpan { return send(only) }
        let number = descriptor.number
        var message = msghdr()
        message.msg_iov = list.vectors
        message.msg_iovlen = list.count
        return transfer(.send, on: number) {
            sendmsg(number, &message, Int32(MSG_NOSIGNAL))
        }
    }

    /// Bytes that were sent and that the peer has not taken yet; nil when the system cannot tell,
    /// as for a connection that broke.
    package var untakenBytes: UInt64? {
        UInt64(exactly: clinux_untaken_bytes(descriptor.number))
    }

    /// Tells the peer that nothing more will come (FIN) while still listening to it.
    package func finishSending() throws(Errno) {
        let number = descriptor.number
        try check(.shutdown, on: number) { shutdown(number, Int32(SHUT_WR)) }
    }
}

/// Spans of memory to be sent by one call, in order. The list points at memory that it does not
/// own: whoever appends a span keeps it alive until the send has returned.
package struct GatherList: ~Copyable {
    package static let capacity = 32

    fileprivate let vectors: UnsafeMutablePointer<iovec>
    package private(set) var count = 0
    package private(set) var byteCount = 0

    package init() {
        vectors = .allocate(capacity: Self.capacity)
    }

    deinit {
        vectors.deallocate()
    }

    package var isFull: Bool { count == Self.capacity }

    package mutating func removeAll() {
        count = 0
        byteCount = 0
    }

    /// Adds a span at the end; empty ones, and those beyond the capacity, are left out.
    package mutating func append(_ span: UnsafeRawBufferPointer) {
        guard !isFull, !span.isEmpty else { return }
        vectors[count] = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: span.baseAddress), iov_len: span.count)
        count += 1
        byteCount += span.count
    }

    package subscript(index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: vectors[index].iov_base, count: vectors[index].iov_len)
    }

    fileprivate var onlySpan: UnsafeRawBufferPointer? {
        guard count == 1 else { return nil }
        return self[0]
    }
}
