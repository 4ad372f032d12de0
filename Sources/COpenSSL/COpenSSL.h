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
            | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_ENABLE_KTLS);
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

/// Whether the error queue's last entry says that the peer closed without close_notify.
static inline int copenssl_is_unexpected_end(unsigned long error) {
    return ERR_GET_LIB(error) == ERR_LIB_SSL
        && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

#endif
