#include "CRoofline.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

// One AVX-512 register, two of AVX2 or four of the baseline, as in the optimizer's kernels.
// Integers: what they add up to is never slow.
typedef uint32_t vector __attribute__((vector_size(ROOFLINE_CHUNK)));

// Vectors go by address, so that no ABI is involved; inlined they stay in registers.

INLINE void load_gradient(vector *g, const char *from, size_t bytes) {
    vector low = {0}, high = {0};
    memcpy(&low, from, bytes < sizeof low ? bytes : sizeof low);
    if (bytes > sizeof low) memcpy(&high, from + sizeof low, sizeof high);
    *g = low + high;
}

INLINE void answer(char *to, const vector *value, size_t bytes) {
    memcpy(to, value, bytes < sizeof *value ? bytes : sizeof *value);
    if (bytes > sizeof *value) memcpy(to + sizeof *value, value, sizeof *value);
}

/// With constants for the last three, so that the loop decides nothing. As in the step, all of a
/// chunk is read before any of it is written: a read after a write whose address has the same last
/// 12 bits would wait for it.
INLINE void loop(const struct roofline_memory *memory, size_t first, size_t chunks,
                 size_t grad_chunk, bool amsgrad, bool answers) {
    // Local copies: the compiler sees that no store changes them.
    const char *const grad = memory->grad;
    char *const out = memory->out;
    char *const param = memory->state[0];
    char *const moment = memory->state[1];
    char *const square = memory->state[2];
    char *const maximum = memory->state[3];
    for (size_t i = first; i < first + chunks; i++) {
        const size_t at = i * ROOFLINE_CHUNK;
        vector g, p, m, v, largest;
        load_gradient(&g, grad + i * grad_chunk, grad_chunk);
        memcpy(&p, param + at, sizeof p);
        memcpy(&m, moment + at, sizeof m);
        memcpy(&v, square + at, sizeof v);
        if (amsgrad) memcpy(&largest, maximum + at, sizeof largest);
        p += g;
        m += g;
        v += g;
        if (amsgrad) largest += g;
        memcpy(moment + at, &m, sizeof m);
        memcpy(square + at, &v, sizeof v);
        if (amsgrad) memcpy(maximum + at, &largest, sizeof largest);
        memcpy(param + at, &p, sizeof p);
        if (answers) answer(out + i * grad_chunk, &p, grad_chunk);
    }
}

INLINE void choose(const struct roofline_memory *memory, size_t first, size_t chunks,
                   size_t grad_chunk) {
    const bool amsgrad = memory->state[3] != NULL;
    if (memory->out) {
        if (amsgrad) loop(memory, first, chunks, grad_chunk, true, true);
        else loop(memory, first, chunks, grad_chunk, false, true);
    } else {
        if (amsgrad) loop(memory, first, chunks, grad_chunk, true, false);
        else loop(memory, first, chunks, grad_chunk, false, false);
    }
}

INLINE void body(const struct roofline_memory *memory, size_t first, size_t chunks) {
    switch (memory->grad_chunk) {
    case 16: choose(memory, first, chunks, 16); break;
    case 32: choose(memory, first, chunks, 32); break;
    case 64: choose(memory, first, chunks, 64); break;
    case 128: choose(memory, first, chunks, 128); break;
    }
}

static void pass_baseline(const struct roofline_memory *m, size_t first, size_t chunks) {
    body(m, first, chunks);
}

#if defined(__x86_64__)
__attribute__((target("avx2")))
static void pass_avx2(const struct roofline_memory *m, size_t first, size_t chunks) {
    body(m, first, chunks);
}

__attribute__((target("avx512f")))
static void pass_avx512(const struct roofline_memory *m, size_t first, size_t chunks) {
    body(m, first, chunks);
}
#endif

void roofline_pass(const struct roofline_memory *memory, size_t first, size_t chunks) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return pass_avx512(memory, first, chunks);
    if (__builtin_cpu_supports("avx2")) return pass_avx2(memory, first, chunks);
#endif
    pass_baseline(memory, first, chunks);
}
