// The rules of step_body.h, one function each: from the gradient, the parameter and the moments of
// one vector to the moments and the parameter after the step. Where a formula has two factors, the
// order of the multiplications is PyTorch's too.

/// The larger; a NaN on either side wins, as in torch.maximum.
INLINE VECTOR NAME(maximum)(VECTOR a, VECTOR b) {
    return NAME(chosen)((a > b) | (a != a), a, b);
}

INLINE VECTOR NAME(magnitude)(VECTOR x) { return __builtin_elementwise_abs(x); }

INLINE VECTOR NAME(root)(VECTOR x) { return __builtin_elementwise_sqrt(x); }

/// `a` moved towards `b` by a weight, from the nearer end, so that a weight of exactly 1 gives
/// exactly b, as in torch.lerp.
INLINE VECTOR NAME(between)(VECTOR a, VECTOR b, REAL weight) {
    const VECTOR difference = b - a;
    return weight < (REAL)0.5 && weight > (REAL)-0.5 ? a + weight * difference
                                                     : b - difference * ((REAL)1 - weight);
}

INLINE VECTOR NAME(lerp)(const struct NAME(constants) *k, VECTOR m, VECTOR g) {
    return NAME(between)(m, g, k->w1);
}

/// v times beta2, plus w2 times the square of x.
INLINE VECTOR NAME(mean_square)(const struct NAME(constants) *k, VECTOR v, VECTOR x) {
    return v * k->beta2 + (k->w2 * x) * x;
}

/// Moments: exp_avg, exp_avg_sq and, with amsgrad, max_exp_avg_sq.
INLINE void NAME(adam)(const struct NAME(constants) *k, struct NAME(lanes_of) *x, bool amsgrad) {
    x->moment[0] = NAME(lerp)(k, x->moment[0], x->g);
    VECTOR v = x->moment[1] = NAME(mean_square)(k, x->moment[1], x->g);
    if (amsgrad) v = x->moment[2] = NAME(maximum)(x->moment[2], v);
    const VECTOR denominator = NAME(root)(v) / k->root_bc2 + k->eps;
    x->p = x->p + (x->moment[0] * k->neg_step_size) / denominator;
}

/// Moments: exp_avg, exp_avg_sq.
INLINE void NAME(nadam)(const struct NAME(constants) *k, struct NAME(lanes_of) *x) {
    x->moment[0] = NAME(lerp)(k, x->moment[0], x->g);
    x->moment[1] = NAME(mean_square)(k, x->moment[1], x->g);
    const VECTOR denominator = NAME(root)(x->moment[1] / k->bc2) + k->eps;
    x->p = x->p + (x->g * k->neg_step_size) / denominator;
    x->p = x->p + (x->moment[0] * k->neg_momentum_step_size) / denominator;
}

/// Moments: exp_avg, exp_avg_sq.
INLINE void NAME(radam)(const struct NAME(constants) *k, struct NAME(lanes_of) *x) {
    x->moment[0] = NAME(lerp)(k, x->moment[0], x->g);
    x->moment[1] = NAME(mean_square)(k, x->moment[1], x->g);
    VECTOR update = x->moment[0] / k->bc1 * k->step_size;
    if (k->rectified) {
        const VECTOR denominator = NAME(root)(x->moment[1]) + k->eps;
        update = update * ((REAL)1 / denominator * k->root_bc2) * k->rect;
    }
    x->p = x->p - update;
}

/// Moments: exp_avg, exp_inf.
INLINE void NAME(adamax)(const struct NAME(constants) *k, struct NAME(lanes_of) *x) {
    x->moment[0] = NAME(lerp)(k, x->moment[0], x->g);
    x->moment[1] = NAME(maximum)(x->moment[1] * k->beta2, NAME(magnitude)(x->g) + k->eps);
    x->p = x->p + (x->moment[0] * k->neg_step_size) / x->moment[1];
}

/// Moment: sum.
INLINE void NAME(adagrad)(const struct NAME(constants) *k, struct NAME(lanes_of) *x) {
    x->moment[0] = x->moment[0] + x->g * x->g;
    const VECTOR denominator = NAME(root)(x->moment[0]) + k->eps;
    x->p = x->p + (x->g * k->neg_step_size) / denominator;
}

/// Moments: square_avg, with momentum momentum_buffer, when centered grad_avg.
INLINE void NAME(rmsprop)(const struct NAME(constants) *k, struct NAME(lanes_of) *x,
                          bool momentum, bool centered) {
    VECTOR v = x->moment[0] = NAME(mean_square)(k, x->moment[0], x->g);
    if (centered) {
        const VECTOR mean = x->moment[2] = NAME(lerp)(k, x->moment[2], x->g);
        v = v - mean * mean;
    }
    const VECTOR denominator = NAME(root)(v) + k->eps;
    if (momentum) {
        x->moment[1] = x->moment[1] * k->momentum + x->g / denominator;
        x->p = x->p + x->moment[1] * k->neg_step_size;
    } else {
        x->p = x->p + (x->g * k->neg_step_size) / denominator;
    }
}

/// Moments: square_avg, acc_delta.
INLINE void NAME(adadelta)(const struct NAME(constants) *k, struct NAME(lanes_of) *x) {
    x->moment[0] = NAME(mean_square)(k, x->moment[0], x->g);
    const VECTOR deviation = NAME(root)(x->moment[0] + k->eps);
    const VECTOR delta = NAME(root)(x->moment[1] + k->eps) / deviation * x->g;
    x->moment[1] = NAME(mean_square)(k, x->moment[1], delta);
    x->p = x->p + delta * k->neg_step_size;
}

/// Moment, with momentum: momentum_buffer, in the second place, as RMSprop has it.
INLINE void NAME(sgd)(const struct NAME(constants) *k, struct NAME(lanes_of) *x, bool momentum) {
    VECTOR update = x->g;
    if (momentum) {
        // The first buffer is the gradient itself, without dampening.
        x->moment[1] = k->starts ? x->g : x->moment[1] * k->momentum + x->g * k->w1;
        update = k->nesterov ? x->g + x->moment[1] * k->momentum : x->moment[1];
    }
    x->p = x->p + update * k->neg_step_size;
}

/// Moment: exp_avg. As with torch.sign, the sign of zero and of NaN is 0.
INLINE void NAME(lion)(const struct NAME(constants) *k, struct NAME(lanes_of) *x) {
    const VECTOR zero = {0}, one = zero + (REAL)1;
    const VECTOR blend = x->moment[0] * k->beta1 + x->g * k->w1;
    const VECTOR positive = NAME(chosen)(blend > zero, one, zero);
    const VECTOR negative = NAME(chosen)(blend < zero, one, zero);
    x->p = x->p + (positive - negative) * k->neg_step_size;
    x->moment[0] = x->moment[0] * k->beta2 + x->g * k->w2;
}
