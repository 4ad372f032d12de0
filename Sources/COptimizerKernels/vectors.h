// Vector types and the way a body becomes one function per instruction set.
//
// A body is an always-inline function without target attributes. Its 64-byte vectors are generic:
// inlined into a wrapper with a `target` attribute they become one AVX-512 register, two of AVX2
// or four of the baseline. Vectors never cross a call that stays a call, so no ABI is involved,
// of which the compiler would warn.
#pragma once

#include "COptimizerKernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))

typedef float f32x16 __attribute__((vector_size(64)));
typedef float f32x8 __attribute__((vector_size(32)));
typedef double f64x8 __attribute__((vector_size(64)));
typedef int32_t i32x16 __attribute__((vector_size(64)));
typedef uint32_t u32x16 __attribute__((vector_size(64)));
typedef int32_t i32x8 __attribute__((vector_size(32)));
typedef int64_t i64x8 __attribute__((vector_size(64)));
typedef uint16_t u16x16 __attribute__((vector_size(32)));

static inline size_t opt_width(enum opt_type type) {
    return type == OPT_F64 ? 8 : type == OPT_F32 ? 4 : 2;
}

// FOR_EACH_LEVEL(DEFINE) expands DEFINE(suffix, attribute) for every level of this build;
// LEVEL_TABLE(name) lists the functions name_<suffix> by level.
// The fma feature, which avx512f brings along, is never used: contraction is off.
#if defined(__x86_64__)
#define FOR_EACH_LEVEL(DEFINE)                                                       \
    DEFINE(baseline, )                                                               \
    DEFINE(avx2, __attribute__((target("avx2"))))                                    \
    DEFINE(avx512, __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw"))))
#define LEVEL_TABLE(name) { name##_baseline, name##_avx2, name##_avx512 }
#else
#define FOR_EACH_LEVEL(DEFINE) DEFINE(baseline, )
#define LEVEL_TABLE(name) { name##_baseline, name##_baseline, name##_baseline }
#endif
