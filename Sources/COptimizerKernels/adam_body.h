// Adam for one working precision. Included once for float and once for double, with
//   REAL     the element type
//   VECTOR   64 bytes of it
//   MASK     the integer vector that comparing two VECTORs gives
//   NAME(x)  x with the precision's suffix
// The formula and its order are those of PyTorch's fused CPU Adam, without fused multiply-add;
// ReferenceAdam.swift explains them line by line.
//
// The divider bounds the speed: one square root and two divisions for each parameter alone take
// 424 us for a million floats (AVX2, Zen 3), the whole step 440 to 470. Prefetching made it slower
// (480 to 530), division by a reciprocal in double with one rounding no faster.

enum { NAME(lanes) = sizeof(VECTOR) / sizeof(REAL) };

struct NAME(constants) {
    REAL grad_scale, clip_coef, weight_decay, keep, w1, one_minus_w1, beta2, w2, root_bc2, eps,
        neg_step_size;
    bool maximize;
};

struct NAME(arrays) {
    const REAL *grad;
    REAL *param, *exp_avg, *exp_avg_sq, *max_exp_avg_sq, *out;
};

/// The step of one vector, or of the `count` elements that remain of one. Lanes beyond `count`
/// compute on zeros and are not stored. All of `grad` is read before any of `out` is written.
INLINE void NAME(adam_lanes)(const struct NAME(constants) *k, const struct NAME(arrays) *at,
                             size_t i, size_t count, bool amsgrad) {
    const size_t bytes = count * sizeof(REAL);
    VECTOR g = {0}, p = {0}, m = {0}, v = {0};
    memcpy(&g, at->grad + i, bytes);
    memcpy(&p, at->param + i, bytes);
    memcpy(&m, at->exp_avg + i, bytes);
    memcpy(&v, at->exp_avg_sq + i, bytes);

    if (k->grad_scale != 1) g = g / k->grad_scale;
    if (k->clip_coef != 1) g = g * k->clip_coef;
    if (k->maximize) g = -g;
    if (k->weight_decay != 0) g = g + p * k->weight_decay;
    if (k->keep != 1) p = p * k->keep;

    // The lerp starts from the nearer end, so that a weight of exactly 1 gives exactly g.
    const VECTOR difference = g - m;
    m = k->w1 < (REAL)0.5 ? m + k->w1 * difference : g - difference * k->one_minus_w1;
    v = v * k->beta2 + (k->w2 * g) * g;
    memcpy(at->exp_avg + i, &m, bytes);
    memcpy(at->exp_avg_sq + i, &v, bytes);

    if (amsgrad) {
        VECTOR largest = {0};
        memcpy(&largest, at->max_exp_avg_sq + i, bytes);
        // A NaN on either side wins, as in torch.maximum.
        const MASK stays = (largest > v) | (largest != largest);
        v = (VECTOR)(((MASK)largest & stays) | ((MASK)v & ~stays));
        memcpy(at->max_exp_avg_sq + i, &v, bytes);
    }

    const VECTOR denominator = __builtin_elementwise_sqrt(v) / k->root_bc2 + k->eps;
    p = p + (m * k->neg_step_size) / denominator;
    memcpy(at->param + i, &p, bytes);
    if (at->out) memcpy(at->out + i, &p, bytes);
}

INLINE void NAME(adam_loop)(const struct NAME(constants) *k, const struct NAME(arrays) *at,
                            size_t count, bool amsgrad) {
    size_t i = 0;
    for (; i + NAME(lanes) <= count; i += NAME(lanes)) {
        NAME(adam_lanes)(k, at, i, NAME(lanes), amsgrad);
    }
    if (i < count) NAME(adam_lanes)(k, at, i, count - i, amsgrad);
}

INLINE void NAME(adam_body)(const struct opt_adam_scalars *s, const struct opt_adam_memory *memory,
                            size_t count) {
    // Local copies: the compiler sees that no store changes them.
    const struct NAME(constants) k = {
        .grad_scale = (REAL)s->grad_scale, .clip_coef = (REAL)s->clip_coef,
        .weight_decay = (REAL)s->weight_decay, .keep = (REAL)s->keep,
        .w1 = (REAL)s->w1, .one_minus_w1 = (REAL)1 - (REAL)s->w1,
        .beta2 = (REAL)s->beta2, .w2 = (REAL)s->w2,
        .root_bc2 = (REAL)s->root_bc2, .eps = (REAL)s->eps,
        .neg_step_size = (REAL)s->neg_step_size, .maximize = s->maximize,
    };
    const struct NAME(arrays) at = {
        memory->grad, memory->param, memory->exp_avg, memory->exp_avg_sq,
        memory->max_exp_avg_sq, memory->out,
    };
    if (at.max_exp_avg_sq) {
        NAME(adam_loop)(&k, &at, count, true);
    } else {
        NAME(adam_loop)(&k, &at, count, false);
    }
}
