#ifndef ROOST_ALLOCATOR_H
#define ROOST_ALLOCATOR_H

/// Sets glibc's thresholds, in bytes: from which size on a block is mapped on its own, and how much free memory at the
/// end of a heap is kept. Does nothing with another C library. Before the first thread.
void roost_keep_freed_memory(int map_threshold, int trim_threshold);

#endif
