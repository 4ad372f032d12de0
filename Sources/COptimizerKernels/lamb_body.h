// LAMB for one working precision, in two passes with the tensor's norms between them; see
// step_body.h for the macros, and ReferenceRules.swift for the formula.

/// Where a step of Adam would lead, with the decay: what the trust ratio is multiplied with.
INLINE VECTOR NAME(lamb_direction)(const struct NAME(constants) *k, VECTOR p, VECTOR m, VECTOR v) {
    const VECTOR direction = (m / k->bc1) / (NAME(root)(v / k->bc2) + k->eps);
    return k->weight_decay != 0 ? direction + p * k->weight_decay : direction;
}

/// One vector of the first pass, or the `count` elements that remain of one.
INLINE void NAME(moments_lanes)(const struct NAME(constants) *k, const REAL *grad,
                                const REAL *param, REAL *exp_avg, REAL *exp_avg_sq,
                                REAL *direction, size_t count) {
    const size_t bytes = count * sizeof(REAL);
    VECTOR g = {0}, p = {0}, m = {0}, v = {0};
    memcpy(&g, grad, bytes);
    memcpy(&p, param, bytes);
    memcpy(&m, exp_avg, bytes);
    memcpy(&v, exp_avg_sq, bytes);
    g = NAME(prepared)(k, g);
    m = NAME(lerp)(k, m, g);
    v = NAME(mean_square)(k, v, g);
    const VECTOR u = NAME(lamb_direction)(k, p, m, v);
    memcpy(exp_avg, &m, bytes);
    memcpy(exp_avg_sq, &v, bytes);
    memcpy(direction, &u, bytes);
}

INLINE void NAME(lamb_moments)(const struct opt_scalars *s, const REAL *grad, const REAL *param,
                               REAL *exp_avg, REAL *exp_avg_sq, REAL *direction, size_t count) {
    const struct NAME(constants) k = NAME(constants_of)(s);
    size_t i = 0;
    for (; i + NAME(lanes) <= count; i += NAME(lanes)) {
        NAME(moments_lanes)(&k, grad + i, param + i, exp_avg + i, exp_avg_sq + i, direction + i,
                            NAME(lanes));
    }
    if (i < count) {
        NAME(moments_lanes)(&k, grad + i, param + i, exp_avg + i, exp_avg_sq + i, direction + i,
                            count - i);
    }
}

INLINE void NAME(apply_lanes)(const struct NAME(constants) *k, REAL *param, const REAL *exp_avg,
                              const REAL *exp_avg_sq, size_t count) {
    const size_t bytes = count * sizeof(REAL);
    VECTOR p = {0}, m = {0}, v = {0};
    memcpy(&p, param, bytes);
    memcpy(&m, exp_avg, bytes);
    memcpy(&v, exp_avg_sq, bytes);
    p = p + NAME(lamb_direction)(k, p, m, v) * k->neg_step_size;
    memcpy(param, &p, bytes);
}

INLINE void NAME(lamb_apply)(const struct opt_scalars *s, double step_size, REAL *param,
                             const REAL *exp_avg, const REAL *exp_avg_sq, size_t count) {
    struct NAME(constants) k = NAME(constants_of)(s);
    k.neg_step_size = -(REAL)step_size;
    size_t i = 0;
    for (; i + NAME(lanes) <= count; i += NAME(lanes)) {
        NAME(apply_lanes)(&k, param + i, exp_avg + i, exp_avg_sq + i, NAME(lanes));
    }
    if (i < count) NAME(apply_lanes)(&k, param + i, exp_avg + i, exp_avg_sq + i, count - i);
}
