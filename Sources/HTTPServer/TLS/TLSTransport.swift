import COpenSSL
import SystemIO

/// Bytes through TLS, on OpenSSL's own socket calls, so that the kernel can take the encryption
/// over where it has that (`SSL_OP_ENABLE_KTLS`).
///
/// The handshake is part of the first transfers: until it is done they answer `wouldBlock`, and
/// the deadline for a connection's first head bounds it too. Confined to the connection's loop.
final class TLSTransport: Transport {
    private let accepted: AcceptedSocket
    private let connection: OpaquePointer
    private var stage = Stage.handshake
    private(set) var fault: String?
    private let onHandshake: (Handshake) -> Void
    /// Since the last one with application data.
    private var protocolRecords = 0

    /// A handshake takes a handful. OpenSSL reads on for as long as the socket has records that
    /// are its own business, and a peer can send millions of key updates (RFC 8446 §4.6.3) that
    /// would keep the loop from everybody else.
    private static let protocolRecordLimit = 32

    private enum Stage {
        case handshake
        case open
        /// After a fatal error OpenSSL allows no further call (SSL_get_error(3)).
        case broken
    }

    enum Handshake {
        case completed(inKernel: Bool)
        case failed(String)
    }

    /// - Parameter onHandshake: called once, or never where the peer goes away before.
    /// - Throws: when OpenSSL has no memory for it.
    init(
        _ accepted: AcceptedSocket, _ context: TLSContext,
        onHandshake: @escaping (Handshake) -> Void
    ) throws(Errno) {
        guard let connection = context.makeConnection() else { throw .noMemory }
        guard SSL_set_fd(connection, accepted.socket.descriptor.number) == 1 else {
            SSL_free(connection)
            throw .noMemory
        }
        self.accepted = accepted
        self.connection = connection
        self.onHandshake = onHandshake
        // It is called from within calls of this object's, which lives longer than the connection.
        copenssl_set_callback_argument(connection, Unmanaged.passUnretained(self).toOpaque())
        SSL_set_msg_callback(connection) { isWritten, _, type, bytes, count, _, transport in
            guard let transport, copenssl_is_protocol_record(isWritten, type, bytes, count) == 1
            else { return }
            Unmanaged<TLSTransport>.fromOpaque(transport).takeUnretainedValue()
                .tookProtocolRecord()
        }
    }

    private func tookProtocolRecord() {
        protocolRecords += 1
        guard protocolRecords == Self.protocolRecordLimit + 1 else { return }
        copenssl_stop_reading(connection)
    }

    deinit { SSL_free(connection) }

    var isTransparent: Bool { false }
    var untakenBytes: UInt64? { accepted.socket.untakenBytes }

    func receive(into room: UnsafeMutableRawBufferPointer) -> IOResult {
        guard stage != .broken else { return .failed(.connectionReset) }
        guard !room.isEmpty else { return .bytes(0) }
        var count = 0
        ERR_clear_error()
        let code = SSL_read_ex(connection, room.baseAddress, room.count, &count)
        let error = Errno.current
        noticeHandshake()
        guard protocolRecords <= Self.protocolRecordLimit else {
            return fail("too many records without data", .connectionReset)
        }
        guard code == 1 else { return answer(to: code, error) }
        protocolRecords = 0
        return .bytes(count)
    }

    func send(_ list: borrowing GatherList) -> IOResult {
        guard stage != .broken else { return .failed(.connectionReset) }
        var sent = 0
        for index in 0..<list.count {
            let span = list[index]
            var offset = 0
            while offset < span.count {
                let rest = UnsafeRawBufferPointer(rebasing: span[offset...])
                var count = 0
                ERR_clear_error()
                let code = SSL_write_ex(connection, rest.baseAddress, rest.count, &count)
                guard code == 1 else {
                    let answer = answer(to: code, Errno.current)
                    // What has gone counts; the next call meets the same obstacle.
                    return sent > 0 ? .bytes(sent) : answer
                }
                offset += count
                sent += count
            }
        }
        return .bytes(sent)
    }

    /// close_notify (RFC 8446 §6.1), then FIN.
    func finishSending() throws(Errno) {
        close()
        try accepted.socket.finishSending()
    }

    /// Once; a peer that takes nothing any more is not waited for.
    func close() {
        guard stage == .open else { return }
        ERR_clear_error()
        if SSL_get_shutdown(connection) & SSL_SENT_SHUTDOWN == 0 { _ = SSL_shutdown(connection) }
    }

    private func noticeHandshake() {
        guard stage == .handshake, SSL_is_init_finished(connection) == 1 else { return }
        stage = .open
        onHandshake(.completed(inKernel: copenssl_kernel_encrypts(connection) == 1))
    }

    private func answer(to code: Int32, _ error: Errno) -> IOResult {
        switch SSL_get_error(connection, code) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wouldBlock
        case SSL_ERROR_ZERO_RETURN: return .endOfStream
        case SSL_ERROR_SYSCALL:
            // The peer is gone, which is no fault of TLS.
            stage = .broken
            return .failed(error)
        default: return fail(TLSFault("TLS").description, .connectionReset)
        }
    }

    private func fail(_ reason: String, _ error: Errno) -> IOResult {
        if stage == .handshake { onHandshake(.failed(reason)) }
        stage = .broken
        fault = reason
        return .failed(error)
    }
}
