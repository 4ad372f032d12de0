#include "COptimizerKernels.h"

bool opt_level_available(enum opt_level level) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    switch (level) {
    case OPT_BASELINE: return true;
    case OPT_AVX2: return __builtin_cpu_supports("avx2");
    case OPT_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    }
    return false;
#else
    return level == OPT_BASELINE;
#endif
}
