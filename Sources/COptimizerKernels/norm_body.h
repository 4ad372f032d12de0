// Sum of squares for one working precision; see adam_body.h for the macros.

/// Adds the squares of sixteen elements, or of the `count` that remain, to the sixteen sums.
INLINE void NAME(add_squares)(const REAL *x, size_t count, REAL scale, bool scales, f64x8 *low,
                              f64x8 *high) {
    HALF a = {0}, b = {0};
    if (count == 16) {
        // Nothing between load and conversion, so that they are one instruction.
        memcpy(&a, x, sizeof a);
        memcpy(&b, x + 8, sizeof b);
    } else {
        REAL lane[16] = {0};
        memcpy(lane, x, count * sizeof(REAL));
        memcpy(&a, lane, sizeof a);
        memcpy(&b, lane + 8, sizeof b);
    }
    if (scales) {
        a = a / scale;
        b = b / scale;
    }
    const f64x8 wide_a = __builtin_convertvector(a, f64x8);
    const f64x8 wide_b = __builtin_convertvector(b, f64x8);
    *low = *low + wide_a * wide_a;
    *high = *high + wide_b * wide_b;
}

INLINE void NAME(sum_loop)(const REAL *x, size_t count, REAL scale, bool scales, f64x8 *low,
                           f64x8 *high) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) NAME(add_squares)(x + i, 16, scale, scales, low, high);
    if (i < count) NAME(add_squares)(x + i, count - i, scale, scales, low, high);
}

INLINE double NAME(sum_body)(const void *base, size_t count, double grad_scale) {
    f64x8 low = {0}, high = {0};
    if (grad_scale == 1) {
        NAME(sum_loop)(base, count, 1, false, &low, &high);
    } else {
        NAME(sum_loop)(base, count, (REAL)grad_scale, true, &low, &high);
    }
    const f64x8 pairs = low + high;
    double sum[8];
    memcpy(sum, &pairs, sizeof sum);
    for (int half = 4; half > 0; half /= 2) {
        for (int j = 0; j < half; j += 1) sum[j] += sum[j + half];
    }
    return sum[0];
}

/// Whether all are finite: a subtraction from itself leaves zero of every finite number.
INLINE bool NAME(finite_body)(const void *base, size_t count, double grad_scale) {
    const REAL *const x = base;
    const REAL scale = (REAL)grad_scale;
    for (size_t i = 0; i < count; i += 1) {
        const REAL scaled = x[i] / scale;
        if (!(scaled - scaled == 0)) return false;
    }
    return true;
}
