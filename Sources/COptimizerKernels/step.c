#include "vectors.h"

#define REAL float
#define VECTOR f32x16
#define MASK i32x16
#define NAME(x) x##_f32
#include "step_body.h"
#undef REAL
#undef VECTOR
#undef MASK
#undef NAME

#define REAL double
#define VECTOR f64x8
#define MASK i64x8
#define NAME(x) x##_f64
#include "step_body.h"

typedef void step_kernel(const struct opt_scalars *, const struct opt_memory *, size_t);

#define DEFINE(LEVEL, TARGET)                                                             \
    TARGET static void step_f32_##LEVEL(const struct opt_scalars *s,                      \
                                        const struct opt_memory *memory, size_t count) {  \
        step_body_f32(s, memory, count);                                                  \
    }                                                                                     \
    TARGET static void step_f64_##LEVEL(const struct opt_scalars *s,                      \
                                        const struct opt_memory *memory, size_t count) {  \
        step_body_f64(s, memory, count);                                                  \
    }
FOR_EACH_LEVEL(DEFINE)

static step_kernel *const f32_kernels[OPT_LEVEL_COUNT] = LEVEL_TABLE(step_f32);
static step_kernel *const f64_kernels[OPT_LEVEL_COUNT] = LEVEL_TABLE(step_f64);

// Elements converted at a time: with parameters and moments they fit a 32 KiB first-level cache
// in F32.
enum { CHUNK = 2048 };

static void *advanced(void *base, size_t bytes) { return base ? (char *)base + bytes : base; }

void opt_step(enum opt_level level, enum opt_type working, const struct opt_scalars *scalars,
              const struct opt_memory *memory, size_t count) {
    step_kernel *const kernel = (working == OPT_F64 ? f64_kernels : f32_kernels)[level];
    const bool widens = memory->grad_type != working;
    const bool narrows = memory->out && memory->out_type != working;
    if (!widens && !narrows) {
        kernel(scalars, memory, count);
        return;
    }
    const size_t width = opt_width(working);
    const size_t grad_width = opt_width(memory->grad_type);
    const size_t out_width = opt_width(memory->out_type);
    _Alignas(64) double buffer[CHUNK];
    for (size_t i = 0; i < count; i += CHUNK) {
        const size_t n = count - i < CHUNK ? count - i : CHUNK;
        const void *grad = (const char *)memory->grad + i * grad_width;
        void *out = advanced(memory->out, i * out_width);
        if (widens) opt_convert(level, memory->grad_type, grad, working, buffer, n);
        struct opt_memory part = {
            .grad = widens ? buffer : grad,
            .grad_type = working,
            .param = (char *)memory->param + i * width,
            .out = narrows ? NULL : out,
            .out_type = working,
        };
        for (int j = 0; j < OPT_MOMENT_COUNT; j++) {
            part.moment[j] = advanced(memory->moment[j], i * width);
        }
        kernel(scalars, &part, n);
        if (narrows) opt_convert(level, working, part.param, memory->out_type, out, n);
    }
}

// MARK: LAMB

typedef void moments_kernel(const struct opt_scalars *, const void *grad, const void *param,
                            void *exp_avg, void *exp_avg_sq, void *direction, size_t count);
typedef void apply_kernel(const struct opt_scalars *, double step_size, void *param,
                          const void *exp_avg, const void *exp_avg_sq, size_t count);

#define DEFINE_LAMB(LEVEL, TARGET, SUFFIX)                                                   \
    TARGET static void lamb_moments_##SUFFIX##_##LEVEL(                                      \
        const struct opt_scalars *s, const void *grad, const void *param, void *exp_avg,     \
        void *exp_avg_sq, void *direction, size_t count) {                                   \
        lamb_moments_##SUFFIX(s, grad, param, exp_avg, exp_avg_sq, direction, count);        \
    }                                                                                        \
    TARGET static void lamb_apply_##SUFFIX##_##LEVEL(                                        \
        const struct opt_scalars *s, double step_size, void *param, const void *exp_avg,     \
        const void *exp_avg_sq, size_t count) {                                              \
        lamb_apply_##SUFFIX(s, step_size, param, exp_avg, exp_avg_sq, count);                \
    }
#define DEFINE_LAMB_F32(LEVEL, TARGET) DEFINE_LAMB(LEVEL, TARGET, f32)
#define DEFINE_LAMB_F64(LEVEL, TARGET) DEFINE_LAMB(LEVEL, TARGET, f64)
FOR_EACH_LEVEL(DEFINE_LAMB_F32)
FOR_EACH_LEVEL(DEFINE_LAMB_F64)

static moments_kernel *const f32_moments[OPT_LEVEL_COUNT] = LEVEL_TABLE(lamb_moments_f32);
static moments_kernel *const f64_moments[OPT_LEVEL_COUNT] = LEVEL_TABLE(lamb_moments_f64);
static apply_kernel *const f32_applies[OPT_LEVEL_COUNT] = LEVEL_TABLE(lamb_apply_f32);
static apply_kernel *const f64_applies[OPT_LEVEL_COUNT] = LEVEL_TABLE(lamb_apply_f64);

void opt_lamb_moments(enum opt_level level, enum opt_type working,
                      const struct opt_scalars *scalars, const struct opt_memory *memory,
                      void *direction, size_t count) {
    _Alignas(64) double buffer[OPT_NORM_BLOCK];
    const void *grad = memory->grad;
    if (memory->grad_type != working) {
        opt_convert(level, memory->grad_type, grad, working, buffer, count);
        grad = buffer;
    }
    (working == OPT_F64 ? f64_moments : f32_moments)[level](
        scalars, grad, memory->param, memory->moment[0], memory->moment[1], direction, count);
}

void opt_lamb_apply(enum opt_level level, enum opt_type working,
                    const struct opt_scalars *scalars, const struct opt_memory *memory,
                    double step_size, size_t count) {
    (working == OPT_F64 ? f64_applies : f32_applies)[level](
        scalars, step_size, memory->param, memory->moment[0], memory->moment[1], count);
}
