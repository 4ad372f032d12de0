// Muon for one working precision, before and after its matrices are orthogonalized in F32; see
// step_body.h for the macros, and ReferenceMuon.swift for the formula.
//   FLOATS   as many floats as VECTOR has elements

INLINE void NAME(momentum_lanes)(const struct NAME(constants) *k, const REAL *grad, REAL *buffer,
                                 float *update, size_t count) {
    VECTOR g = {0}, m = {0};
    memcpy(&g, grad, count * sizeof(REAL));
    memcpy(&m, buffer, count * sizeof(REAL));
    g = NAME(prepared)(k, g);
    m = NAME(lerp)(k, m, g);
    const VECTOR u = k->nesterov ? NAME(between)(g, m, k->momentum) : m;
    const FLOATS narrow = __builtin_convertvector(u, FLOATS);
    memcpy(buffer, &m, count * sizeof(REAL));
    memcpy(update, &narrow, count * sizeof(float));
}

INLINE void NAME(muon_momentum)(const struct opt_scalars *s, const REAL *grad, REAL *buffer,
                                float *update, size_t count) {
    const struct NAME(constants) k = NAME(constants_of)(s);
    size_t i = 0;
    for (; i + NAME(lanes) <= count; i += NAME(lanes)) {
        NAME(momentum_lanes)(&k, grad + i, buffer + i, update + i, NAME(lanes));
    }
    if (i < count) NAME(momentum_lanes)(&k, grad + i, buffer + i, update + i, count - i);
}

INLINE void NAME(along_lanes)(const struct NAME(constants) *k, REAL *param, const float *update,
                              size_t count) {
    VECTOR p = {0};
    FLOATS narrow = {0};
    memcpy(&p, param, count * sizeof(REAL));
    memcpy(&narrow, update, count * sizeof(float));
    if (k->keep != 1) p = p * k->keep;
    p = p + __builtin_convertvector(narrow, VECTOR) * k->neg_step_size;
    memcpy(param, &p, count * sizeof(REAL));
}

INLINE void NAME(muon_apply)(const struct opt_scalars *s, double step_size, REAL *param,
                             const float *update, size_t count) {
    struct NAME(constants) k = NAME(constants_of)(s);
    k.neg_step_size = -(REAL)step_size;
    size_t i = 0;
    for (; i + NAME(lanes) <= count; i += NAME(lanes)) {
        NAME(along_lanes)(&k, param + i, update + i, NAME(lanes));
    }
    if (i < count) NAME(along_lanes)(&k, param + i, update + i, count - i);
}
