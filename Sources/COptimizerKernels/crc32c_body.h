// CRC-32C with the instructions of the CPU. The constants are x to a power, modulo the generator;
// crc32c.c computes them before main, once for all threads.
#pragma once

#include "COptimizerKernels.h"

#include <string.h>

/// Continues the remainder `state` over the bytes.
typedef uint32_t crc_kernel(uint32_t state, const unsigned char *bytes, size_t count);

static inline uint64_t read_word(const unsigned char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define CRC __attribute__((target("sse4.2,pclmul")))
#define FOLD __attribute__((target("sse4.2,pclmul,avx512f,vpclmulqdq")))

CRC static inline uint32_t with_word(uint32_t state, uint64_t word) {
    return (uint32_t)_mm_crc32_u64(state, word);
}

CRC static inline uint32_t with_byte(uint32_t state, unsigned char byte) {
    return _mm_crc32_u8(state, byte);
}
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

#define CRC

static inline uint32_t with_word(uint32_t state, uint64_t word) { return __crc32cd(state, word); }

static inline uint32_t with_byte(uint32_t state, unsigned char byte) {
    return __crc32cb(state, byte);
}
#endif

#if defined(CRC)
/// A third of what the instruction can do, since each waits three cycles for the one before.
CRC static inline uint32_t one_stream(uint32_t state, const unsigned char *bytes, size_t count) {
    for (; count >= 8; bytes += 8, count -= 8) state = with_word(state, read_word(bytes));
    for (; count; bytes++, count--) state = with_byte(state, *bytes);
    return state;
}
#endif

#if defined(__x86_64__)
/// Bytes of each of three interleaved streams. Measured on a Zen 5 core, in GB/s over 4 KiB and
/// 4 MiB: 256 gives 27 and 30, 128 gives 24 and 26, 512 gives 22 and 31. One stream gives 11.
enum { STREAM_BYTES = 256 };

/// x^(8 n - 33), n being the bytes that follow. The product of two reflected words comes out one
/// power of x too high, and the instruction multiplies by x^32: hence 33.
static uint32_t past_one_stream, past_two_streams;

CRC static inline __m128i carryless(uint32_t a, uint32_t b) {
    return _mm_clmulepi64_si128(_mm_cvtsi32_si128((int)a), _mm_cvtsi32_si128((int)b), 0);
}

/// Three neighbouring streams hide each other's latency; two products bring them together
/// (Gopal and others, "Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction", 2011).
CRC static uint32_t interleaved(uint32_t state, const unsigned char *bytes, size_t count) {
    for (; count >= 3 * STREAM_BYTES; bytes += 3 * STREAM_BYTES, count -= 3 * STREAM_BYTES) {
        uint32_t second = 0, third = 0;
        for (const unsigned char *at = bytes; at < bytes + STREAM_BYTES; at += 8) {
            state = with_word(state, read_word(at));
            second = with_word(second, read_word(at + STREAM_BYTES));
            third = with_word(third, read_word(at + 2 * STREAM_BYTES));
        }
        const __m128i moved = _mm_xor_si128(carryless(state, past_two_streams),
                                            carryless(second, past_one_stream));
        state = with_word(0, (uint64_t)_mm_cvtsi128_si64(moved)) ^ third;
    }
    return one_stream(state, bytes, count);
}

/// Bytes of the vectors that are folded side by side. Measured on the same core, in GB/s over
/// 4 KiB and 4 MiB: 256 gives 70 and 68, 512 gives 70 and 67 but far less below 1 KiB.
enum { STRIDE_BYTES = 256 };

/// For the first and the second word of 16 bytes, x^(8 n + 31) and x^(8 n - 33): what moves them
/// n bytes on, here one vector of 64 bytes, or four of them.
static uint64_t past_vector[2], past_stride[2];

FOLD static inline __m512i broadcast(const uint64_t pair[2]) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)pair));
}

/// `a` moved on by `factors`, plus `b`; 0x96 is the exclusive or of three.
FOLD static inline __m512i moved_onto(__m512i b, __m512i a, __m512i factors) {
    return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(a, factors, 0x00),
                                     _mm512_clmulepi64_epi128(a, factors, 0x11), b, 0x96);
}

/// Four vectors at a time are folded onto the next four, then onto one, which leaves the same
/// remainder as all before it (Gopal and others, "Fast CRC Computation for Generic Polynomials
/// Using PCLMULQDQ Instruction", 2009).
FOLD static uint32_t folded(uint32_t state, const unsigned char *bytes, size_t count) {
    if (count < STRIDE_BYTES) return one_stream(state, bytes, count);
    __m512i sums[4];
    for (int i = 0; i < 4; i++) sums[i] = _mm512_loadu_si512(bytes + 64 * i);
    sums[0] = _mm512_xor_si512(
        sums[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)state)));
    const __m512i stride = broadcast(past_stride), vector = broadcast(past_vector);
    for (bytes += STRIDE_BYTES, count -= STRIDE_BYTES; count >= STRIDE_BYTES;
         bytes += STRIDE_BYTES, count -= STRIDE_BYTES) {
        for (int i = 0; i < 4; i++) {
            sums[i] = moved_onto(_mm512_loadu_si512(bytes + 64 * i), sums[i], stride);
        }
    }
    __m512i sum = sums[0];
    for (int i = 1; i < 4; i++) sum = moved_onto(sums[i], sum, vector);
    for (; count >= 64; bytes += 64, count -= 64) {
        sum = moved_onto(_mm512_loadu_si512(bytes), sum, vector);
    }
    unsigned char left[64];
    _mm512_storeu_si512(left, sum);
    return one_stream(one_stream(0, left, sizeof left), bytes, count);
}
#endif
