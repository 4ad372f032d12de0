// One step for one working precision. Included once for float and once for double, with
//   REAL     the element type
//   VECTOR   64 bytes of it
//   MASK     the integer vector that comparing two VECTORs gives
//   NAME(x)  x with the precision's suffix
// Here is what all rules share; rules_body.h holds each rule's own lines. Formulas and their order
// are those of PyTorch's CPU optimizers, without fused multiply-add; ReferenceRules.swift explains
// them line by line.
//
// The divider bounds Adam's speed: one square root and two divisions for each parameter alone take
// 424 us for a million floats (AVX2, Zen 3), the whole step 440 to 470. Prefetching made it slower
// (480 to 530), division by a reciprocal in double with one rounding no faster.

enum { NAME(lanes) = sizeof(VECTOR) / sizeof(REAL) };

/// opt_scalars in the working precision.
struct NAME(constants) {
    REAL grad_scale, clip_coef, clip_value, weight_decay, keep, w1, beta1, beta2, w2, bc1, bc2,
        root_bc2, eps, step_size, neg_step_size, neg_momentum_step_size, rect, momentum;
    bool treats, maximize, rectified, nesterov, starts;
};

INLINE struct NAME(constants) NAME(constants_of)(const struct opt_scalars *s) {
    return (struct NAME(constants)){
        .grad_scale = (REAL)s->grad_scale, .clip_coef = (REAL)s->clip_coef,
        .clip_value = (REAL)s->clip_value,
        .weight_decay = (REAL)s->weight_decay, .keep = (REAL)s->keep,
        .w1 = (REAL)s->w1, .beta1 = (REAL)s->beta1,
        .beta2 = (REAL)s->beta2, .w2 = (REAL)s->w2, .bc1 = (REAL)s->bc1, .bc2 = (REAL)s->bc2,
        .root_bc2 = (REAL)s->root_bc2, .eps = (REAL)s->eps, .step_size = (REAL)s->step_size,
        .neg_step_size = -(REAL)s->step_size,
        .neg_momentum_step_size = -(REAL)s->momentum_step_size, .rect = (REAL)s->rect,
        .momentum = (REAL)s->momentum, .maximize = s->maximize, .rectified = s->rectified,
        .nesterov = s->nesterov, .starts = s->starts,
        .treats = s->grad_scale != 1 || s->clip_coef != 1 || s->clip_value < INFINITY ||
                  s->maximize,
    };
}

struct NAME(arrays) {
    const REAL *grad;
    REAL *param, *moment[OPT_MOMENT_COUNT], *out;
};

/// One vector on its way: the gradient after scale, clip, sign and decay, the parameter, and the
/// moments that the rule keeps.
struct NAME(lanes_of) {
    VECTOR g, p, moment[OPT_MOMENT_COUNT];
};

/// a where its lane of the mask is set, else b.
INLINE VECTOR NAME(chosen)(MASK mask, VECTOR a, VECTOR b) {
    return (VECTOR)(((MASK)a & mask) | ((MASK)b & ~mask));
}

INLINE VECTOR NAME(within)(VECTOR x, REAL bound) {
    const VECTOR most = (VECTOR){0} + bound;
    return NAME(chosen)(x > most, most, NAME(chosen)(x < -most, -most, x));
}

/// The gradient after loss scale, clipping and sign. A NaN stays one, as in torch.clamp.
INLINE VECTOR NAME(prepared)(const struct NAME(constants) *k, VECTOR g) {
    // One question for each vector where nothing is asked of the gradient.
    if (!k->treats) return g;
    if (k->grad_scale != 1) g = g / k->grad_scale;
    if (k->clip_coef != 1) g = g * k->clip_coef;
    if (k->clip_value < (REAL)INFINITY) g = NAME(within)(g, k->clip_value);
    return k->maximize ? -g : g;
}

#include "rules_body.h"

/// The step of one vector, or of the `count` elements that remain of one. Lanes beyond `count`
/// compute on zeros and are not stored. All of `grad` is read before any of `out` is written.
INLINE void NAME(step_lanes)(const struct NAME(constants) *k, const struct NAME(arrays) *at,
                             size_t i, size_t count, enum opt_rule rule, const bool *keeps) {
    const size_t bytes = count * sizeof(REAL);
    struct NAME(lanes_of) x = {0};
    memcpy(&x.g, at->grad + i, bytes);
    memcpy(&x.p, at->param + i, bytes);
    for (int j = 0; j < OPT_MOMENT_COUNT; j++) {
        if (keeps[j]) memcpy(&x.moment[j], at->moment[j] + i, bytes);
    }

    x.g = NAME(prepared)(k, x.g);
    if (k->weight_decay != 0) x.g = x.g + x.p * k->weight_decay;
    if (k->keep != 1) x.p = x.p * k->keep;

    switch (rule) {
    case OPT_ADAM: NAME(adam)(k, &x, keeps[2]); break;
    case OPT_NADAM: NAME(nadam)(k, &x); break;
    case OPT_RADAM: NAME(radam)(k, &x); break;
    case OPT_ADAMAX: NAME(adamax)(k, &x); break;
    case OPT_ADAGRAD: NAME(adagrad)(k, &x); break;
    case OPT_RMSPROP: NAME(rmsprop)(k, &x, keeps[1], keeps[2]); break;
    case OPT_ADADELTA: NAME(adadelta)(k, &x); break;
    case OPT_SGD: NAME(sgd)(k, &x, keeps[1]); break;
    case OPT_LION: NAME(lion)(k, &x); break;
    case OPT_LAMB:
    case OPT_MUON: break;
    }

    for (int j = 0; j < OPT_MOMENT_COUNT; j++) {
        if (keeps[j]) memcpy(at->moment[j] + i, &x.moment[j], bytes);
    }
    memcpy(at->param + i, &x.p, bytes);
    if (at->out) memcpy(at->out + i, &x.p, bytes);
}

INLINE void NAME(step_loop)(const struct NAME(constants) *k, const struct NAME(arrays) *at,
                            size_t count, enum opt_rule rule, const bool *keeps) {
    size_t i = 0;
    for (; i + NAME(lanes) <= count; i += NAME(lanes)) {
        NAME(step_lanes)(k, at, i, NAME(lanes), rule, keeps);
    }
    if (i < count) NAME(step_lanes)(k, at, i, count - i, rule, keeps);
}

INLINE void NAME(step_body)(const struct opt_scalars *s, const struct opt_memory *memory,
                            size_t count) {
    // Local copies: the compiler sees that no store changes them.
    const struct NAME(constants) k = NAME(constants_of)(s);
    const struct NAME(arrays) at = {
        memory->grad, memory->param,
        {memory->moment[0], memory->moment[1], memory->moment[2]}, memory->out,
    };
    // A loop of its own for every rule and set of moments, which are constants in it.
#define LOOP(RULE, A, B, C) NAME(step_loop)(&k, &at, count, RULE, (const bool[]){A, B, C})
    const bool second = at.moment[1], third = at.moment[2];
    switch (s->rule) {
    case OPT_ADAM:
        if (third) LOOP(OPT_ADAM, true, true, true);
        else LOOP(OPT_ADAM, true, true, false);
        break;
    case OPT_NADAM: LOOP(OPT_NADAM, true, true, false); break;
    case OPT_RADAM: LOOP(OPT_RADAM, true, true, false); break;
    case OPT_ADAMAX: LOOP(OPT_ADAMAX, true, true, false); break;
    case OPT_ADAGRAD: LOOP(OPT_ADAGRAD, true, false, false); break;
    case OPT_RMSPROP:
        if (second && third) LOOP(OPT_RMSPROP, true, true, true);
        else if (second) LOOP(OPT_RMSPROP, true, true, false);
        else if (third) LOOP(OPT_RMSPROP, true, false, true);
        else LOOP(OPT_RMSPROP, true, false, false);
        break;
    case OPT_ADADELTA: LOOP(OPT_ADADELTA, true, true, false); break;
    case OPT_SGD:
        if (second) LOOP(OPT_SGD, false, true, false);
        else LOOP(OPT_SGD, false, false, false);
        break;
    case OPT_LION: LOOP(OPT_LION, true, false, false); break;
    case OPT_LAMB:
    case OPT_MUON: break;  // of whole tensors: lamb_body.h, muon_body.h
    }
#undef LOOP
}

#include "lamb_body.h"
