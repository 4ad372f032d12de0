#include "vectors.h"

#define REAL float
#define VECTOR f32x16
#define FLOATS f32x16
#define MASK i32x16
#define NAME(x) x##_f32
#include "step_body.h"
#include "muon_body.h"
#undef REAL
#undef VECTOR
#undef FLOATS
#undef MASK
#undef NAME

#define REAL double
#define VECTOR f64x8
#define FLOATS f32x8
#define MASK i64x8
#define NAME(x) x##_f64
#include "step_body.h"
#include "muon_body.h"

typedef void momentum_kernel(const struct opt_scalars *, const void *grad, void *buffer,
                             float *update, size_t count);
typedef void apply_kernel(const struct opt_scalars *, double step_size, void *param,
                          const float *update, size_t count);

#define DEFINE(LEVEL, TARGET, SUFFIX)                                                        \
    TARGET static void momentum_##SUFFIX##_##LEVEL(const struct opt_scalars *s,              \
                                                   const void *grad, void *buffer,           \
                                                   float *update, size_t count) {            \
        muon_momentum_##SUFFIX(s, grad, buffer, update, count);                              \
    }                                                                                        \
    TARGET static void apply_##SUFFIX##_##LEVEL(const struct opt_scalars *s,                 \
                                                double step_size, void *param,               \
                                                const float *update, size_t count) {         \
        muon_apply_##SUFFIX(s, step_size, param, update, count);                             \
    }
#define DEFINE_F32(LEVEL, TARGET) DEFINE(LEVEL, TARGET, f32)
#define DEFINE_F64(LEVEL, TARGET) DEFINE(LEVEL, TARGET, f64)
FOR_EACH_LEVEL(DEFINE_F32)
FOR_EACH_LEVEL(DEFINE_F64)

static momentum_kernel *const f32_momentums[OPT_LEVEL_COUNT] = LEVEL_TABLE(momentum_f32);
static momentum_kernel *const f64_momentums[OPT_LEVEL_COUNT] = LEVEL_TABLE(momentum_f64);
static apply_kernel *const f32_applies[OPT_LEVEL_COUNT] = LEVEL_TABLE(apply_f32);
static apply_kernel *const f64_applies[OPT_LEVEL_COUNT] = LEVEL_TABLE(apply_f64);

void opt_muon_momentum(enum opt_level level, enum opt_type working,
                       const struct opt_scalars *scalars, const struct opt_memory *memory,
                       float *update, size_t count) {
    _Alignas(64) double buffer[OPT_NORM_BLOCK];
    const void *grad = memory->grad;
    if (memory->grad_type != working) {
        opt_convert(level, memory->grad_type, grad, working, buffer, count);
        grad = buffer;
    }
    (working == OPT_F64 ? f64_momentums : f32_momentums)[level](scalars, grad, memory->moment[1],
                                                                update, count);
}

void opt_muon_apply(enum opt_level level, enum opt_type working,
                    const struct opt_scalars *scalars, const struct opt_memory *memory,
                    const float *update, double step_size, size_t count) {
    (working == OPT_F64 ? f64_applies : f32_applies)[level](scalars, step_size, memory->param,
                                                            update, count);
}
