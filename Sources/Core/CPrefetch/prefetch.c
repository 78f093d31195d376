// A target of C needs a file to compile; what it has is in the header, to be inlined.
#include "prefetch.h"
