#include "COpenAPI.h"

// Embedded by the C compiler: as a Swift array literal the same bytes take half a minute to build.
static const unsigned char document[] = {
#embed "../../openapi.yaml"
};

const unsigned char *copenapi_bytes(void) { return document; }

size_t copenapi_length(void) { return sizeof document; }
