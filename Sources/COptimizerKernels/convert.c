#include "vectors.h"

#include "convert_body.h"

typedef void conversion(const void *source, void *destination, size_t count);

/// Runs a conversion over whole vectors; the rest passes through a padded one.
#define OVER_ALL(BODY, FROM_WIDTH, TO_WIDTH)                                    \
    size_t i = 0;                                                               \
    for (; i + 16 <= count; i += 16) {                                          \
        BODY((const char *)source + i * FROM_WIDTH,                             \
             (char *)destination + i * TO_WIDTH);                               \
    }                                                                           \
    if (i < count) {                                                            \
        char in[16 * FROM_WIDTH] = {0}, out[16 * TO_WIDTH];                     \
        memcpy(in, (const char *)source + i * FROM_WIDTH, (count - i) * FROM_WIDTH); \
        BODY(in, out);                                                          \
        memcpy((char *)destination + i * TO_WIDTH, out, (count - i) * TO_WIDTH);     \
    }

#define DEFINE_ONE(LEVEL, TARGET, BODY, FROM_WIDTH, TO_WIDTH)                           \
    TARGET static void BODY##_##LEVEL(const void *source, void *destination, size_t count) { \
        OVER_ALL(BODY, FROM_WIDTH, TO_WIDTH)                                            \
    }
#define DEFINE(LEVEL, TARGET)                              \
    DEFINE_ONE(LEVEL, TARGET, f16_to_f32, 2, 4)            \
    DEFINE_ONE(LEVEL, TARGET, bf16_to_f32, 2, 4)           \
    DEFINE_ONE(LEVEL, TARGET, f64_to_f32, 8, 4)            \
    DEFINE_ONE(LEVEL, TARGET, f64_to_odd_f32, 8, 4)        \
    DEFINE_ONE(LEVEL, TARGET, f32_to_f16, 4, 2)            \
    DEFINE_ONE(LEVEL, TARGET, f32_to_bf16, 4, 2)           \
    DEFINE_ONE(LEVEL, TARGET, f32_to_f64, 4, 8)
FOR_EACH_LEVEL(DEFINE)

static conversion *const from_f16[OPT_LEVEL_COUNT] = LEVEL_TABLE(f16_to_f32);
static conversion *const from_bf16[OPT_LEVEL_COUNT] = LEVEL_TABLE(bf16_to_f32);
static conversion *const from_f64[OPT_LEVEL_COUNT] = LEVEL_TABLE(f64_to_f32);
static conversion *const odd_from_f64[OPT_LEVEL_COUNT] = LEVEL_TABLE(f64_to_odd_f32);
static conversion *const to_f16[OPT_LEVEL_COUNT] = LEVEL_TABLE(f32_to_f16);
static conversion *const to_bf16[OPT_LEVEL_COUNT] = LEVEL_TABLE(f32_to_bf16);
static conversion *const to_f64[OPT_LEVEL_COUNT] = LEVEL_TABLE(f32_to_f64);

/// The way from `from` to F32, when a further step to `to` follows or not.
static conversion *widening(enum opt_level level, enum opt_type from, enum opt_type to) {
    switch (from) {
    case OPT_F16: return from_f16[level];
    case OPT_BF16: return from_bf16[level];
    case OPT_F64: return (to == OPT_F32 ? from_f64 : odd_from_f64)[level];
    case OPT_F32: return NULL;
    }
    return NULL;
}

/// The way from F32 to `to`.
static conversion *narrowing(enum opt_level level, enum opt_type to) {
    switch (to) {
    case OPT_F16: return to_f16[level];
    case OPT_BF16: return to_bf16[level];
    case OPT_F64: return to_f64[level];
    case OPT_F32: return NULL;
    }
    return NULL;
}

void opt_convert(enum opt_level level, enum opt_type from, const void *source, enum opt_type to,
                 void *destination, size_t count) {
    if (from == to) {
        memmove(destination, source, count * opt_width(from));
        return;
    }
    conversion *const first = widening(level, from, to);
    conversion *const second = narrowing(level, to);
    if (!first) {
        second(source, destination, count);
    } else if (!second) {
        first(source, destination, count);
    } else {
        enum { CHUNK = 1024 };
        float between[CHUNK];
        for (size_t i = 0; i < count; i += CHUNK) {
            const size_t n = count - i < CHUNK ? count - i : CHUNK;
            first((const char *)source + i * opt_width(from), between, n);
            second(between, (char *)destination + i * opt_width(to), n);
        }
    }
}
