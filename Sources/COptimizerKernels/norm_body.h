// Sums for norms in one working precision; see norm.c for the macros.

/// The two halves of sixteen running sums.
struct NAME(sums) {
    f64x8 low, high;
};

/// What of eight magnitudes goes into a sum, and the sum after it. The largest so far is kept where
/// a norm looks for that; a NaN wins.
INLINE f64x8 NAME(added)(f64x8 sum, f64x8 x, enum opt_norm norm) {
    switch (norm) {
    case OPT_NORM_1: return sum + __builtin_elementwise_abs(x);
    case OPT_NORM_2: return sum + x * x;
    case OPT_NORM_3: {
        const f64x8 magnitude = __builtin_elementwise_abs(x);
        return sum + (magnitude * magnitude) * magnitude;
    }
    case OPT_NORM_INFINITY: break;
    }
    const f64x8 magnitude = __builtin_elementwise_abs(x);
    const i64x8 stays = (sum > magnitude) | (sum != sum);
    return (f64x8)(((i64x8)sum & stays) | ((i64x8)magnitude & ~stays));
}

/// Adds sixteen elements, or the `count` that remain.
INLINE void NAME(add_elements)(const REAL *x, size_t count, REAL scale, bool scales,
                               enum opt_norm norm, struct NAME(sums) *sums) {
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
    sums->low = NAME(added)(sums->low, __builtin_convertvector(a, f64x8), norm);
    sums->high = NAME(added)(sums->high, __builtin_convertvector(b, f64x8), norm);
}

INLINE struct NAME(sums) NAME(sum_loop)(const REAL *x, size_t count, REAL scale, bool scales,
                                        enum opt_norm norm) {
    struct NAME(sums) sums = {0};
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        NAME(add_elements)(x + i, 16, scale, scales, norm, &sums);
    }
    if (i < count) NAME(add_elements)(x + i, count - i, scale, scales, norm, &sums);
    return sums;
}

INLINE double NAME(sum_body)(const void *base, size_t count, double grad_scale,
                             enum opt_norm norm) {
    const struct NAME(sums) sums =
        grad_scale == 1 ? NAME(sum_loop)(base, count, 1, false, norm)
                        : NAME(sum_loop)(base, count, (REAL)grad_scale, true, norm);
    double sum[16];
    memcpy(sum, &sums.low, sizeof sums.low);
    memcpy(sum + 8, &sums.high, sizeof sums.high);
    for (int half = 8; half > 0; half /= 2) {
        for (int j = 0; j < half; j += 1) {
            const double other = sum[j + half];
            if (norm != OPT_NORM_INFINITY) sum[j] += other;
            else if (!(sum[j] > other || sum[j] != sum[j])) sum[j] = other;
        }
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
