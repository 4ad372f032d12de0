// The bytes of a step without its arithmetic, for the bound that engine-benchmark prints.
#pragma once

#include <stddef.h>

/// Bytes of one chunk of each vector in the working precision.
enum { ROOFLINE_CHUNK = 64 };

/// Where one pass reads and writes. None of the memory overlaps.
struct roofline_memory {
    const void *grad;
    /// Bytes of `grad` that go with one chunk: 16, 32, 64 or 128, as its type is narrower or wider.
    size_t grad_chunk;
    /// Read and written: parameters, both moments and, with amsgrad, the maximum; NULL without.
    void *state[4];
    /// Only written; NULL without an answer. Its chunks are as long as those of `grad`.
    void *out;
};

/// Reads and writes `chunks` chunks, beginning with number `first`. One addition for each vector
/// keeps the compiler from leaving anything out. Stores go through the caches like the step's own:
/// each line that is written has just been read, so storing around them would save nothing.
///
/// Runs with the widest registers of this CPU, as the step does.
void roofline_pass(const struct roofline_memory *memory, size_t first, size_t chunks);
