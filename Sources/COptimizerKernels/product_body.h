// One tile of a matrix product, in F32; product.c says what the order of its sums is.
//
// A micro-kernel keeps `rows` by `vectors` sums in registers and goes down the depth once: as many
// as the level's registers hold, which changes nothing in any sum. Operands are packed first, so
// that it reads both of them from one end to the other.

enum { TILE = OPT_PRODUCT_TILE, DEPTH = OPT_PRODUCT_DEPTH, LANES = sizeof(f32x16) / sizeof(float) };

/// Lanes `first` to `first + width` of an operand, one after the other at every depth; zeros where
/// there is none.
INLINE void pack_panel(const struct opt_operand *from, size_t first, size_t lane_count,
                       size_t start, size_t depth, size_t width, float *panel) {
    const float *const base = from->base + start * from->depth_stride;
    if (from->lane_stride == 1 && first + width <= lane_count) {
        for (size_t k = 0; k < depth; k++) {
            memcpy(panel + k * width, base + first + k * from->depth_stride,
                   width * sizeof(float));
        }
        return;
    }
    for (size_t i = 0; i < width; i++) {
        const bool is_there = first + i < lane_count;
        const float *const lane = base + (is_there ? first + i : 0) * from->lane_stride;
        for (size_t k = 0; k < depth; k++) {
            panel[k * width + i] = is_there ? lane[k * from->depth_stride] : 0;
        }
    }
}

/// Adds one block of the depth to `rows` by `vectors` sums.
INLINE void add_products(const float *a, const float *b, size_t depth, size_t rows, size_t vectors,
                         float *sums) {
    f32x16 block[MOST_ROWS][MOST_VECTORS] = {0};
    for (size_t k = 0; k < depth; k++) {
        f32x16 across[MOST_VECTORS];
        for (size_t v = 0; v < vectors; v++) {
            memcpy(&across[v], b + (k * vectors + v) * LANES, sizeof across[v]);
        }
        for (size_t i = 0; i < rows; i++) {
            const float down = a[k * rows + i];
            for (size_t v = 0; v < vectors; v++) {
                block[i][v] = block[i][v] + down * across[v];
            }
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t v = 0; v < vectors; v++) {
            f32x16 sum;
            memcpy(&sum, sums + i * TILE + v * LANES, sizeof sum);
            sum = sum + block[i][v];
            memcpy(sums + i * TILE + v * LANES, &sum, sizeof sum);
        }
    }
}

INLINE void product_tile(const struct opt_product *x, size_t row, size_t column, size_t rows,
                         size_t vectors) {
    // Beside the blocks of both operands, 230 KiB of stack.
    _Alignas(64) float a[TILE * DEPTH], b[TILE * DEPTH], sums[TILE * TILE];
    const size_t height = x->rows - row < TILE ? x->rows - row : TILE;
    const size_t width = x->columns - column < TILE ? x->columns - column : TILE;
    memset(sums, 0, sizeof sums);
    for (size_t start = 0; start < x->depth; start += DEPTH) {
        const size_t depth = x->depth - start < DEPTH ? x->depth - start : DEPTH;
        for (size_t i = 0; i < height; i += rows) {
            pack_panel(&x->a, row + i, x->rows, start, depth, rows, a + i * depth);
        }
        for (size_t j = 0; j < width; j += vectors * LANES) {
            float *const panel = b + j * depth;
            pack_panel(&x->b, column + j, x->columns, start, depth, vectors * LANES, panel);
            for (size_t i = 0; i < height; i += rows) {
                add_products(a + i * depth, panel, depth, rows, vectors, sums + i * TILE + j);
            }
        }
    }
    for (size_t i = 0; i < height; i++) {
        for (size_t j = 0; j < width; j++) {
            const size_t place = (row + i) * x->columns + column + j;
            float value = sums[i * TILE + j];
            if (x->alpha != 1) value = x->alpha * value;
            if (x->d) value = value + x->beta * x->d[place];
            x->c[place] = value;
            if (x->is_symmetric) x->c[(column + j) * x->columns + row + i] = value;
        }
    }
}
