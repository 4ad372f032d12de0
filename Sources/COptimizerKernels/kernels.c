#include "COptimizerKernels.h"
