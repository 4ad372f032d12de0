#ifndef COPENSSL_H
#define COPENSSL_H

// The parts of OpenSSL 3 that the house uses, as Debian's libssl-dev installs them. What they
// need linked is in the module map.
#include <openssl/err.h>
#include <openssl/evp.h>

#endif
