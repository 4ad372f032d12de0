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
    OPT_LION, OPT_LAMB, OPT_MUON
};

/// What is the same for every element of one call. Each value has already been narrowed to the
/// working precision and is exact in it. A factor or divisor of 1 and a decay of 0 mean "none".
/// Below the first group, a rule reads what its formula names.
struct opt_scalars {
    enum opt_rule rule;
    bool maximize;
    double grad_scale;    // g / grad_scale
    double clip_coef;     // g * clip_coef
    double clip_value;    // g within -clip_value and clip_value; infinite: none
    double weight_decay;  // coupled: g + weight_decay * p
    double keep;          // decoupled: p * keep

    double beta1;
    double w1;     // 1 - beta1, the gradient's weight in the moment; 1 - dampening, - momentum
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

/// One step of `count` elements under any rule that looks at each alone, so not LAMB nor Muon.
/// `working` is OPT_F32 or OPT_F64.
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

/// The first pass of Muon over at most one norm block: steps the momentum buffer, moment[1], and
/// writes to `update`, in F32, what is to be orthogonalized. Parameters and output are not used.
void opt_muon_momentum(enum opt_level level, enum opt_type working,
                       const struct opt_scalars *scalars, const struct opt_memory *memory,
                       float *update, size_t count);

/// The last pass of Muon: decays the parameters and moves them by `step_size`, which is exact in
/// the working precision, along the orthogonalized update. Gradient, moments, output are not used.
void opt_muon_apply(enum opt_level level, enum opt_type working,
                    const struct opt_scalars *scalars, const struct opt_memory *memory,
                    const float *update, double step_size, size_t count);

/// Adds weight * x to every sum, or where the sum `starts` sets it to that: x is first brought to
/// the working precision, in which `weight` is exact.
void opt_accumulate(enum opt_level level, enum opt_type working, enum opt_type type,
                    const void *x, double weight, bool starts, void *sum, size_t count);

/// Divides every x, all being in the working precision; `result` may be `x`.
void opt_divide(enum opt_level level, enum opt_type working, const void *x, double divisor,
                void *result, size_t count);

/// Elements of a matrix by two numbers: which lane (a row of the one factor, a column of the other)
/// and how deep in it.
struct opt_operand {
    const float *base;
    size_t lane_stride, depth_stride;  // in elements
};

/// A matrix product in F32: c[i, j] = alpha * (sum over k of a(i, k) * b(j, k)) + beta * d[i, j].
/// The sum is taken in blocks of OPT_PRODUCT_DEPTH, each from zero and in rising k, and the blocks
/// are added in that order, to zero: so it depends neither on tiles nor on the instruction set.
struct opt_product {
    struct opt_operand a, b;
    size_t rows, columns, depth;
    float alpha, beta;
    const float *d;  // NULL: nothing is added
    float *c;        // like d row by row without gaps; c and d may be the same, a and b not theirs
    /// c is its own transpose, as a and b being the same or symmetric make it: only tiles whose
    /// column is not before their row are asked for, and each writes its mirror image too.
    bool is_symmetric;
};

/// Rows and columns of a tile, and depths of one block.
enum { OPT_PRODUCT_TILE = 96, OPT_PRODUCT_DEPTH = 256 };

/// Computes one tile, `row` and `column` being multiples of OPT_PRODUCT_TILE: the products of all
/// depths. Tiles may run on several threads at once. Takes 230 KiB of stack.
void opt_product_tile(enum opt_level level, const struct opt_product *product, size_t row,
                      size_t column);

/// Norms of a vector, by the power that its elements' magnitudes are raised to.
enum opt_norm { OPT_NORM_1 = 0, OPT_NORM_2 = 1, OPT_NORM_3 = 2, OPT_NORM_INFINITY = 3 };
enum { OPT_NORM_COUNT = 4 };

/// Sum of |x / grad_scale| to the norm's power over at most OPT_NORM_BLOCK elements, in double: x
/// is first brought to the working precision and divided there. Sixteen running sums, element i
/// going to sum i mod 16, are then added pairwise: j and j + 8, j and j + 4, j and j + 2, 0 and 1.
/// For OPT_NORM_INFINITY the largest magnitude instead, or a NaN where there is one.
double opt_norm_sum(enum opt_level level, enum opt_type working, enum opt_norm norm,
                    enum opt_type type, const void *x, size_t count, double grad_scale);

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
