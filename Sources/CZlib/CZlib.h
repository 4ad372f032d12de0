#ifndef CZLIB_H
#define CZLIB_H

// zlib as Debian's zlib1g-dev installs it. What it needs linked is in the module map.
#include <zlib.h>

#endif
