#include "vectors.h"

// Sums and means of gradients: plain loops, which the compiler turns into each level's vectors.

#define DEFINE(LEVEL, TARGET, REAL, SUFFIX)                                                  \
    TARGET static void add_##SUFFIX##_##LEVEL(const void *values, double weight, bool starts, \
                                              void *sums, size_t count) {                    \
        const REAL *const x = values;                                                        \
        REAL *const sum = sums;                                                              \
        const REAL w = (REAL)weight;                                                         \
        if (starts) {                                                                        \
            for (size_t i = 0; i < count; i++) sum[i] = x[i] * w;                            \
        } else {                                                                             \
            for (size_t i = 0; i < count; i++) sum[i] = sum[i] + x[i] * w;                   \
        }                                                                                    \
    }                                                                                        \
    TARGET static void divide_##SUFFIX##_##LEVEL(const void *values, double divisor,         \
                                                 void *results, size_t count) {              \
        const REAL *const x = values;                                                        \
        REAL *const result = results;                                                        \
        const REAL d = (REAL)divisor;                                                        \
        for (size_t i = 0; i < count; i++) result[i] = x[i] / d;                             \
    }
#define DEFINE_F32(LEVEL, TARGET) DEFINE(LEVEL, TARGET, float, f32)
#define DEFINE_F64(LEVEL, TARGET) DEFINE(LEVEL, TARGET, double, f64)
FOR_EACH_LEVEL(DEFINE_F32)
FOR_EACH_LEVEL(DEFINE_F64)

typedef void add_kernel(const void *, double weight, bool starts, void *, size_t count);
typedef void divide_kernel(const void *, double divisor, void *, size_t count);
static add_kernel *const f32_adds[OPT_LEVEL_COUNT] = LEVEL_TABLE(add_f32);
static add_kernel *const f64_adds[OPT_LEVEL_COUNT] = LEVEL_TABLE(add_f64);
static divide_kernel *const f32_divides[OPT_LEVEL_COUNT] = LEVEL_TABLE(divide_f32);
static divide_kernel *const f64_divides[OPT_LEVEL_COUNT] = LEVEL_TABLE(divide_f64);

enum { CHUNK = 2048 };

void opt_accumulate(enum opt_level level, enum opt_type working, enum opt_type type,
                    const void *x, double weight, bool starts, void *sum, size_t count) {
    add_kernel *const add = (working == OPT_F64 ? f64_adds : f32_adds)[level];
    if (type == working) {
        add(x, weight, starts, sum, count);
        return;
    }
    _Alignas(64) double buffer[CHUNK];
    for (size_t i = 0; i < count; i += CHUNK) {
        const size_t n = count - i < CHUNK ? count - i : CHUNK;
        opt_convert(level, type, (const char *)x + i * opt_width(type), working, buffer, n);
        add(buffer, weight, starts, (char *)sum + i * opt_width(working), n);
    }
}

void opt_divide(enum opt_level level, enum opt_type working, const void *x, double divisor,
                void *result, size_t count) {
    (working == OPT_F64 ? f64_divides : f32_divides)[level](x, divisor, result, count);
}
