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

#define DEFINE(LEVEL, TARGET)                                                            \
    TARGET static double sum_f32_##LEVEL(const void *x, size_t count, double scale) {    \
        return sum_body_f32(x, count, scale);                                            \
    }                                                                                    \
    TARGET static double sum_f64_##LEVEL(const void *x, size_t count, double scale) {    \
        return sum_body_f64(x, count, scale);                                            \
    }
FOR_EACH_LEVEL(DEFINE)

static sum_kernel *const f32_sums[OPT_LEVEL_COUNT] = LEVEL_TABLE(sum_f32);
static sum_kernel *const f64_sums[OPT_LEVEL_COUNT] = LEVEL_TABLE(sum_f64);

double opt_sum_of_squares(enum opt_level level, enum opt_type working, enum opt_type type,
                          const void *x, size_t count, double grad_scale) {
    sum_kernel *const sum = (working == OPT_F64 ? f64_sums : f32_sums)[level];
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
