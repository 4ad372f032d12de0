#include "vectors.h"

// The shape of the micro-kernel at each level: its sums, a vector of the one operand and a number
// of the other fill the level's registers (16 of 16, 32 or 64 bytes; 32 of 64).
enum {
    ROWS_baseline = 2, VECTORS_baseline = 1,
    ROWS_avx2 = 6, VECTORS_avx2 = 1,
    ROWS_avx512 = 12, VECTORS_avx512 = 2,
    MOST_ROWS = ROWS_avx512, MOST_VECTORS = VECTORS_avx512,
};

#include "product_body.h"

#define DEFINE(LEVEL, TARGET)                                                                \
    static_assert(TILE % ROWS_##LEVEL == 0 && TILE % (VECTORS_##LEVEL * LANES) == 0);        \
    TARGET static void product_##LEVEL(const struct opt_product *x, size_t row,              \
                                       size_t column) {                                      \
        product_tile(x, row, column, ROWS_##LEVEL, VECTORS_##LEVEL);                         \
    }
FOR_EACH_LEVEL(DEFINE)

typedef void product_kernel(const struct opt_product *, size_t row, size_t column);
static product_kernel *const kernels[OPT_LEVEL_COUNT] = LEVEL_TABLE(product);

void opt_product_tile(enum opt_level level, const struct opt_product *product, size_t row,
                      size_t column) {
    kernels[level](product, row, column);
}
