#include "CAllocator.h"

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
#include <stddef.h>

void roost_keep_freed_memory(int map_threshold, int trim_threshold) {
#if defined(M_MMAP_THRESHOLD)
    mallopt(M_MMAP_THRESHOLD, map_threshold);
    mallopt(M_TRIM_THRESHOLD, trim_threshold);
#else
    (void)map_threshold;
    (void)trim_threshold;
#endif
}
