import COpenSSL
import SystemIO

/// Where a server's identity lies: PEM files.
package struct TLSFiles: Sendable, Equatable {
    /// The certificate, then those that lead from it to a root.
    package var certificateChain: String
    /// Unencrypted: nobody is there to be asked for a passphrase.
    package var privateKey: String
    /// Clients must show a certificate that one of these has signed; nil asks for none.
    package var clientAuthorities: String?

    package init(certificateChain: String, privateKey: String, clientAuthorities: String? = nil) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
        self.clientAuthorities = clientAuthorities
    }
}

/// What was wrong with TLS, in OpenSSL's words.
package struct TLSFault: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ what: String) {
        var reasons: [String] = []
        while true {
            let error = ERR_get_error()
            guard error != 0 else { break }
            var text = [CChar](repeating: 0, count: 256)
            ERR_error_string_n(error, &text, text.count)
            // "error:0A00010B:SSL routines::wrong version number": the number tells nothing.
            let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            let words = String(decoding: bytes, as: UTF8.self)
                .split(separator: ":", maxSplits: 2)
            reasons.append(words.last.map(String.init) ?? "unknown")
        }
        description = reasons.isEmpty ? what : "\(what): \(reasons.joined(separator: "; "))"
    }
}

/// A server's side of TLS 1.2 and 1.3 (RFC 5246, RFC 8446): identity, ciphers, and what is asked
/// of clients. Read once; a new one takes its place when the files change.
///
/// `@unchecked Sendable`: nothing changes it after `init`, and OpenSSL counts its references
/// atomically.
final class TLSContext: @unchecked Sendable {
    fileprivate let pointer: OpaquePointer

    /// RFC 9325 §4.2: forward secrecy and authenticated encryption, nothing else. TLS 1.3 has no
    /// other suites anyway.
    private static let ciphers12 =
        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
        + "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
        + "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
    private static let fileLimitBytes = 1 << 20
    private static let groups = "X25519:P-256:P-384"

    init(_ files: TLSFiles) throws(TLSFault) {
        ERR_clear_error()
        guard let pointer = SSL_CTX_new(TLS_server_method()) else {
            throw TLSFault("OpenSSL has no context")
        }
        do throws(TLSFault) {
            try Self.configure(pointer)
            try Self.load(files, into: pointer)
        } catch {
            SSL_CTX_free(pointer)
            throw error
        }
        self.pointer = pointer
    }

    deinit { SSL_CTX_free(pointer) }

    private static func configure(_ context: OpaquePointer) throws(TLSFault) {
        guard copenssl_configure_server(context) == 1,
            SSL_CTX_set_cipher_list(context, ciphers12) == 1,
            copenssl_set_groups(context, groups) == 1,
            SSL_CTX_set_num_tickets(context, 1) == 1
        else { throw TLSFault("OpenSSL does not take the settings") }
        SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in 0 }
        SSL_CTX_set_alpn_select_cb(context, { _, chosen, length, offered, count, _ in
            TLSContext.selectProtocol(chosen, length, offered, count)
        }, nil)
    }

    /// RFC 7301 §3.2: a client that names protocols and not this one is refused.
    private static func selectProtocol(
        _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
        _ length: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ count: UInt32
    ) -> Int32 {
        let bytes = UnsafeBufferPointer(start: offered, count: Int(count))
        var start = 0
        while start < bytes.count {
            let end = start + 1 + Int(bytes[start])
            guard end <= bytes.count else { break }
            if bytes[(start + 1)..<end].elementsEqual("http/1.1".utf8) {
                // Points into the client's own list, as OpenSSL allows.
                chosen?.pointee = offered.map { $0 + start + 1 }
                length?.pointee = bytes[start]
                return SSL_TLSEXT_ERR_OK
            }
            start = end
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }

    private static func load(
        _ files: TLSFiles, into context: OpaquePointer
    ) throws(TLSFault) {
        for path in [files.certificateChain, files.privateKey, files.clientAuthorities] {
            if let path { try checkFile(path) }
        }
        guard SSL_CTX_use_certificate_chain_file(context, files.certificateChain) == 1 else {
            throw TLSFault("\(files.certificateChain) holds no certificate that can be used")
        }
        guard SSL_CTX_use_PrivateKey_file(context, files.privateKey, SSL_FILETYPE_PEM) == 1 else {
            throw TLSFault("\(files.privateKey) holds no private key that fits the certificate")
        }
        guard SSL_CTX_check_private_key(context) == 1 else {
            throw TLSFault("\(files.privateKey) is not the key of \(files.certificateChain)")
        }
        guard let authorities = files.clientAuthorities else { return }
        guard SSL_CTX_load_verify_file(context, authorities) == 1,
            let names = SSL_load_client_CA_file(authorities)
        else { throw TLSFault("\(authorities) holds no certificates that clients could have") }
        SSL_CTX_set_client_CA_list(context, names)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        // A session that is resumed keeps what was verified, here alone.
        let purpose = Array("optimizerd".utf8)
        guard SSL_CTX_set_session_id_context(context, purpose, UInt32(purpose.count)) == 1 else {
            throw TLSFault("OpenSSL does not take the settings")
        }
    }

    /// OpenSSL would wait for whoever writes to a pipe, and would read for ever from a device.
    private static func checkFile(_ path: String) throws(TLSFault) {
        do {
            _ = try OperatorFile(path, limitBytes: fileLimitBytes)
        } catch {
            throw TLSFault("\(path) \(error)")
        }
    }

    /// The server's end of one connection; the caller frees it.
    func makeConnection() -> OpaquePointer? {
        guard let connection = SSL_new(pointer) else { return nil }
        SSL_set_accept_state(connection)
        return connection
    }
}
