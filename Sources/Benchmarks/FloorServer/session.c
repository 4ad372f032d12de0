#include "session.h"

#include <COptimizerKernels.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE_FLOATS = 16, HUGE_PAGE_BYTES = 2 << 20 };

static enum opt_level best_level(void) {
    int level = OPT_LEVEL_COUNT - 1;
    while (!opt_level_available((enum opt_level)level)) level--;
    return (enum opt_level)level;
}

float *session_vector(struct session *session, size_t count) {
    if (session->vector && session->count == count) return session->vector;
    free(session->vector);
    *session = (struct session){0};
    size_t stride = count / LINE_FLOATS * LINE_FLOATS + LINE_FLOATS;
    size_t bytes = (4 * stride * sizeof(float) / HUGE_PAGE_BYTES + 1) * HUGE_PAGE_BYTES;
    float *block = aligned_alloc(HUGE_PAGE_BYTES, bytes);
    if (!block) return NULL;
    // A floor is the best that can be had: huge pages make a step of a million parameters some
    // 8 % shorter. A kernel without them says no, and the step is as before.
    (void)madvise(block, bytes, MADV_HUGEPAGE);
    // Written, not only reserved: page faults are no part of a step.
    memset(block, 0, 4 * stride * sizeof(float));
    *session = (struct session){
        .count = count,
        .vector = block,
        .parameters = block + stride,
        .exp_avg = block + 2 * stride,
        .exp_avg_sq = block + 3 * stride,
    };
    return session->vector;
}

// The kernel wants scalars that are exact in the precision it works in.
static double narrowed(double value) { return (double)(float)value; }

void session_step(struct session *session) {
    const double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
    double step = (double)++session->step;
    struct opt_scalars scalars = {
        .rule = OPT_ADAM,
        .grad_scale = 1,
        .clip_coef = 1,
        .keep = 1,
        .w1 = narrowed(1 - beta1),
        .beta2 = narrowed(beta2),
        .w2 = narrowed(1 - beta2),
        .root_bc2 = narrowed(sqrt(1 - opt_pow(beta2, step))),
        .eps = narrowed(eps),
        .step_size = narrowed(lr / (1 - opt_pow(beta1, step))),
    };
    struct opt_memory memory = {
        .grad = session->vector,
        .grad_type = OPT_F32,
        .param = session->parameters,
        .moment = {session->exp_avg, session->exp_avg_sq, NULL},
        .out = session->vector,
        .out_type = OPT_F32,
    };
    opt_step(best_level(), OPT_F32, &scalars, &memory, session->count);
}
