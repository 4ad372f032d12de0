#include "vectors.h"

#define REAL float
#define HALF f32x8
#define NAME(x) x##_f32
#include "norm_body.h"
#undef REAL
#undef HALF
#undef NAME

#define REAL double
#define HALF f64x8
#define NAME(x) x##_f64
#include "norm_body.h"

typedef double sum_kernel(const void *, size_t, double);

#define DEFINE(LEVEL, TARGET, SUFFIX, NORM)                                                   \
    TARGET static double sum_##SUFFIX##_##NORM##_##LEVEL(const void *x, size_t count,         \
                                                         double scale) {                      \
        return sum_body_##SUFFIX(x, count, scale, NORM);                                      \
    }
#define DEFINE_NORMS(LEVEL, TARGET, SUFFIX)                                                   \
    DEFINE(LEVEL, TARGET, SUFFIX, OPT_NORM_1)                                                 \
    DEFINE(LEVEL, TARGET, SUFFIX, OPT_NORM_2)                                                 \
    DEFINE(LEVEL, TARGET, SUFFIX, OPT_NORM_3)                                                 \
    DEFINE(LEVEL, TARGET, SUFFIX, OPT_NORM_INFINITY)
#define DEFINE_F32(LEVEL, TARGET) DEFINE_NORMS(LEVEL, TARGET, f32)
#define DEFINE_F64(LEVEL, TARGET) DEFINE_NORMS(LEVEL, TARGET, f64)
FOR_EACH_LEVEL(DEFINE_F32)
FOR_EACH_LEVEL(DEFINE_F64)

#define SUMS(SUFFIX)                                                                          \
    {                                                                                         \
        [OPT_NORM_1] = LEVEL_TABLE(sum_##SUFFIX##_OPT_NORM_1),                                \
        [OPT_NORM_2] = LEVEL_TABLE(sum_##SUFFIX##_OPT_NORM_2),                                \
        [OPT_NORM_3] = LEVEL_TABLE(sum_##SUFFIX##_OPT_NORM_3),                                \
        [OPT_NORM_INFINITY] = LEVEL_TABLE(sum_##SUFFIX##_OPT_NORM_INFINITY),                  \
    }
static sum_kernel *const f32_sums[OPT_NORM_COUNT][OPT_LEVEL_COUNT] = SUMS(f32);
static sum_kernel *const f64_sums[OPT_NORM_COUNT][OPT_LEVEL_COUNT] = SUMS(f64);

double opt_norm_sum(enum opt_level level, enum opt_type working, enum opt_norm norm,
                    enum opt_type type, const void *x, size_t count, double grad_scale) {
    sum_kernel *const sum = (working == OPT_F64 ? f64_sums : f32_sums)[norm][level];
    if (type == working) return sum(x, count, grad_scale);
    _Alignas(64) double buffer[OPT_NORM_BLOCK];
    opt_convert(level, type, x, working, buffer, count);
    return sum(buffer, count, grad_scale);
}

bool opt_all_finite(enum opt_level level, enum opt_type working, enum opt_type type,
                    const void *x, size_t count, double grad_scale) {
    const size_t width = opt_width(type);
    double buffer[1024];
    for (size_t i = 0; i < count; i += 1024) {
        const size_t n = count - i < 1024 ? count - i : 1024;
        opt_convert(level, type, (const char *)x + i * width, working, buffer, n);
        const bool finite = working == OPT_F64 ? finite_body_f64(buffer, n, grad_scale)
                                               : finite_body_f32(buffer, n, grad_scale);
        if (!finite) return false;
    }
    return true;
}
