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
