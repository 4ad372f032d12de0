#ifndef COPENAPI_H
#define COPENAPI_H

#include <stddef.h>

/// The published API description, `openapi.yaml` at the top of the repository, byte for byte.
const unsigned char *copenapi_bytes(void);

/// Its length in bytes.
size_t copenapi_length(void);

#endif
