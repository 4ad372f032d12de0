#ifndef COPENSSL_H
#define COPENSSL_H

// The parts of OpenSSL 3 that the house uses, as Debian's libssl-dev installs them. What they
// need linked is in the module map. The functions below stand for macros, which Swift cannot see.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

/// What every server context has in common; 0 when OpenSSL refuses.
static inline int copenssl_configure_server(SSL_CTX *context) {
    SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE
            | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_ENABLE_KTLS
            // Framing tells whether a message was whole (RFC 9112 §9.8).
            | SSL_OP_IGNORE_UNEXPECTED_EOF);
    // A write that would block is tried again with the same bytes, not at the same address, and
    // says how many of them have gone.
    SSL_CTX_set_mode(
        context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
            | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
}

static inline long copenssl_set_groups(SSL_CTX *context, const char *names) {
    return SSL_CTX_set1_groups_list(context, names);
}

/// Whether the kernel encrypts what is sent.
static inline int copenssl_kernel_encrypts(const SSL *connection) {
    return BIO_get_ktls_send(SSL_get_wbio(connection));
}

/// Lets OpenSSL find an end where more would come from the socket.
static inline void copenssl_stop_reading(SSL *connection) {
    BIO *nothing = BIO_new(BIO_s_null());
    if (nothing) SSL_set0_rbio(connection, nothing);
}

/// For `SSL_set_msg_callback`.
static inline void copenssl_set_callback_argument(SSL *connection, void *argument) {
    SSL_set_msg_callback_arg(connection, argument);
}

/// Whether what the callback is shown is the header of a record that the peer has sent and that
/// holds no application data. In TLS 1.3 every header looks alike; the type within is shown too.
static inline int copenssl_is_protocol_record(int written, int type, const void *bytes, size_t n) {
    return !written && n > 0 && *(const unsigned char *)bytes != SSL3_RT_APPLICATION_DATA
        && (type == SSL3_RT_HEADER || type == SSL3_RT_INNER_CONTENT_TYPE);
}

#endif
