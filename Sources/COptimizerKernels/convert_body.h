// Conversions of sixteen elements at a time, by integer and float arithmetic that every
// instruction set has. `x` and `y` have room for sixteen.

/// F16 to F32, exact. The exponent's bias is raised by a multiplication, which also normalises
/// subnormal numbers.
INLINE void f16_to_f32(const void *x, void *y) {
    u16x16 half;
    memcpy(&half, x, sizeof half);
    const u32x16 bits = __builtin_convertvector(half, u32x16);
    const u32x16 magnitude = (bits & 0x7fff) << 13;
    const u32x16 raised = (u32x16)((f32x16)magnitude * 0x1p112f);
    const u32x16 special = (u32x16)(magnitude >= 0x7c00u << 13);
    const u32x16 value = raised | (special & 0x7f800000);
    const u32x16 payload = special & (magnitude & 0x007fffff);
    const u32x16 result = (value & ~special) | (special & 0x7f800000) | payload;
    const u32x16 with_sign = result | ((bits & 0x8000) << 16);
    memcpy(y, &with_sign, sizeof with_sign);
}

/// F32 to F16, to nearest even.
INLINE void f32_to_f16(const void *x, void *y) {
    u32x16 bits;
    memcpy(&bits, x, sizeof bits);
    const u32x16 a = bits & 0x7fffffff;
    // Normal: half a unit, less one when the last kept bit is even, carries into the kept bits.
    // From 65520 on that reaches the exponent of infinity or passes it.
    const u32x16 rounded = ((a + 0x0fff + ((a >> 13) & 1)) >> 13) - (112u << 10);
    const u32x16 over = (u32x16)(a >= 0x47800000u);
    const u32x16 normal = (rounded & ~over) | (over & 0x7c00);
    // Subnormal: the unit of F16 is the unit of 0.5 in F32, so adding 0.5 rounds there.
    const u32x16 small = (u32x16)((f32x16)a + 0.5f) - 0x3f000000u;
    const u32x16 is_small = (u32x16)(a < 0x38800000u);
    // NaN: quiet, with the upper part of its payload.
    const u32x16 is_nan = (u32x16)(a > 0x7f800000u);
    const u32x16 nan = ((a >> 13) & 0x03ff) | 0x7e00;
    u32x16 result = (small & is_small) | (normal & ~is_small);
    result = (nan & is_nan) | (result & ~is_nan);
    const u16x16 half = __builtin_convertvector(result | ((bits >> 16) & 0x8000), u16x16);
    memcpy(y, &half, sizeof half);
}

/// BF16 to F32, exact: BF16 is the upper half of an F32.
INLINE void bf16_to_f32(const void *x, void *y) {
    u16x16 half;
    memcpy(&half, x, sizeof half);
    const u32x16 bits = __builtin_convertvector(half, u32x16) << 16;
    memcpy(y, &bits, sizeof bits);
}

/// F32 to BF16, to nearest even.
INLINE void f32_to_bf16(const void *x, void *y) {
    u32x16 bits;
    memcpy(&bits, x, sizeof bits);
    const u32x16 rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    const u32x16 is_nan = (u32x16)((bits & 0x7fffffff) > 0x7f800000u);
    const u32x16 result = (((bits >> 16) | 0x0040) & is_nan) | (rounded & ~is_nan);
    const u16x16 half = __builtin_convertvector(result, u16x16);
    memcpy(y, &half, sizeof half);
}

INLINE void f32_to_f64(const void *x, void *y) {
    f32x8 narrow[2];
    memcpy(narrow, x, sizeof narrow);
    const f64x8 wide[2] = {
        __builtin_convertvector(narrow[0], f64x8), __builtin_convertvector(narrow[1], f64x8)};
    memcpy(y, wide, sizeof wide);
}

INLINE void f64_to_f32(const void *x, void *y) {
    f64x8 wide[2];
    memcpy(wide, x, sizeof wide);
    const f32x8 narrow[2] = {
        __builtin_convertvector(wide[0], f32x8), __builtin_convertvector(wide[1], f32x8)};
    memcpy(y, narrow, sizeof narrow);
}

/// F64 to F32, to odd: an inexact result gets the neighbour with an odd last bit, so that a
/// second rounding to F16 or BF16 gives what one rounding would have given (Boldo and
/// Melquiond 2008).
INLINE void f64_to_odd_f32(const void *x, void *y) {
    for (int part = 0; part < 2; part += 1) {
        f64x8 wide;
        memcpy(&wide, (const char *)x + part * sizeof wide, sizeof wide);
        const f32x8 nearest = __builtin_convertvector(wide, f32x8);
        const f64x8 back = __builtin_convertvector(nearest, f64x8);
        const i64x8 magnitude = (i64x8)wide & INT64_MAX;
        const i32x8 away = __builtin_convertvector(((i64x8)back & INT64_MAX) > magnitude, i32x8);
        const i32x8 inexact = __builtin_convertvector(back != wide, i32x8);
        const i32x8 odd = ((i32x8)nearest + away) | (inexact & 1);
        memcpy((char *)y + part * sizeof odd, &odd, sizeof odd);
    }
}
