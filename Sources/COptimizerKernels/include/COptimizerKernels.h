// The optimizer's arithmetic, written once and compiled for each instruction set.
//
// Every function gives the same bits at every level: no fused multiply-add, square roots and
// divisions correctly rounded, sums in a fixed order. Nothing here allocates, keeps state, or
// knows threads. Pointers need no alignment; memory of different arguments must not overlap
// unless a comment says so.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Instruction sets, in rising order. Only available ones may be passed to a kernel.
enum opt_level { OPT_BASELINE = 0, OPT_AVX2 = 1, OPT_AVX512 = 2 };
enum { OPT_LEVEL_COUNT = 3 };

/// Whether this CPU (and this build) can run the level. The baseline always can.
bool opt_level_available(enum opt_level level);

/// Element types; the values are those of Swift's ElementType.
enum opt_type { OPT_F32 = 0, OPT_F64 = 1, OPT_F16 = 2, OPT_BF16 = 3 };

/// Update rules; rules_body.h has their formulas. Adam and AdamW differ in their scalars alone.
enum opt_rule {
    OPT_ADAM, OPT_NADAM, OPT_RADAM, OPT_ADAMAX, OPT_ADAGRAD, OPT_RMSPROP, OPT_ADADELTA, OPT_SGD,
    OPT_LION, OPT_LAMB
};

/// What is the same for every element of one call. Each value has already been narrowed to the
/// working precision and is exact in it. A factor or divisor of 1 and a decay of 0 mean "none".
/// Below the first group, a rule reads what its formula names.
struct opt_scalars {
    enum opt_rule rule;
    bool maximize;
    double grad_scale;    // g / grad_scale
    double clip_coef;     // g * clip_coef
    double weight_decay;  // coupled: g + weight_decay * p
    double keep;          // decoupled: p * keep

    double beta1;
    double w1;     // 1 - beta1, the weight of the gradient in the first moment; 1 - dampening
    double beta2;  // also RMSprop's alpha and Adadelta's rho
    double w2;     // 1 - beta2
    double bc1;    // 1 - beta1^t
    double bc2;    // 1 - beta2^t
    double root_bc2;
    double eps;
    double step_size;           // what the update is multiplied with: lr, or lr / bc1, …
    double momentum_step_size;  // NAdam: of the moment, step_size being that of the gradient
    double rect;                // RAdam's rectification, when it is rectified
    double momentum;
    bool rectified;
    bool nesterov;
    bool starts;  // SGD: there is no momentum buffer yet
};

/// The most vectors a rule keeps beside the parameters.
enum { OPT_MOMENT_COUNT = 3 };

/// Where one call reads and writes. Parameters and moments are in the working precision.
/// `out` may be NULL, or exactly the memory of `grad` when both types have the same width.
struct opt_memory {
    const void *grad;
    enum opt_type grad_type;
    void *param;
    void *moment[OPT_MOMENT_COUNT];  // NULL where the rule, with these options, keeps none
    void *out;                       // receives the updated parameters
    enum opt_type out_type;
};

/// One step of `count` elements under any rule but LAMB. `working` is OPT_F32 or OPT_F64.
void opt_step(enum opt_level level, enum opt_type working, const struct opt_scalars *scalars,
              const struct opt_memory *memory, size_t count);

/// Most elements of one norm block.
enum { OPT_NORM_BLOCK = 4096 };

/// The first pass of LAMB over one norm block of a tensor: steps the moments, leaves the
/// parameters, and writes to `direction`, in the working precision, what they will be moved along.
void opt_lamb_moments(enum opt_level level, enum opt_type working,
                      const struct opt_scalars *scalars, const struct opt_memory *memory,
                      void *direction, size_t count);

/// The second pass, over any part of a tensor: moves the parameters by `step_size`, which is exact
/// in the working precision, along the same direction. Gradient and output are not used.
void opt_lamb_apply(enum opt_level level, enum opt_type working,
                    const struct opt_scalars *scalars, const struct opt_memory *memory,
                    double step_size, size_t count);

/// Sum of (x / grad_scale)^2 over at most OPT_NORM_BLOCK elements, in double: x is first brought
/// to the working precision and divided there. Sixteen running sums, element i going to sum
/// i mod 16, are then added pairwise: j and j + 8, j and j + 4, j and j + 2, 0 and 1.
double opt_sum_of_squares(enum opt_level level, enum opt_type working, enum opt_type type,
                          const void *x, size_t count, double grad_scale);

/// Whether every x / grad_scale, brought to the working precision, is finite.
bool opt_all_finite(enum opt_level level, enum opt_type working, enum opt_type type,
                    const void *x, size_t count, double grad_scale);

/// Converts, rounding once to nearest, ties to even. NaN stays NaN; what is too large becomes
/// infinite. Equal types are copied bit for bit.
void opt_convert(enum opt_level level, enum opt_type from, const void *source, enum opt_type to,
                 void *destination, size_t count);

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4) of the bytes. `crc` is 0 to start, or what an
/// earlier call returned, which this one continues. `bytes` may be NULL when `count` is 0.
uint32_t opt_crc32c(enum opt_level level, uint32_t crc, const void *bytes, size_t count);

/// C's pow and cos. Inline, so that only who calls them links libm, as the module map says.
static inline double opt_pow(double base, double exponent) {
    return __builtin_pow(base, exponent);
}

static inline double opt_cos(double x) { return __builtin_cos(x); }
